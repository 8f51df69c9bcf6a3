// Disks of the kernel's way in use: file systems, openers, many at once, and names that are taken.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "backend/dm/disk_record.h"
#include "backend/dm/reconcile.h"
#include "kernel/dm_host.h"
#include "support/opener.h"

namespace veneer::kernel_test {
namespace {

using support::Opener;
using support::Outcome;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileSystemTest : public DmHost, public ::testing::WithParamInterface<const char*> {
 protected:
  void ExpectClean(const std::string& device) {
    if (std::string_view(GetParam()) == "ext4") {
      MustRun({"e2fsck", "-fn", device});
    } else {
      MustRun({"xfs_repair", "-n", device});
    }
  }

  static std::vector<std::string> Fio(const std::string& file, const std::string& verify) {
    return {"fio",
            "--name=load",
            "--filename=" + file,
            "--size=48M",
            "--io_size=24M",
            "--rw=randwrite",
            "--bsrange=4k-64k",
            "--ioengine=libaio",
            "--iodepth=16",
            "--direct=1",
            "--fsync=64",
            "--verify=crc32c",
            "--verify_fatal=1",
            "--verify_state_save=0",
            "--randseed=20",
            verify,
            "--output-format=terse"};
  }
};

TEST_P(FileSystemTest, KeepsWhatFioWroteAndIsClean) {
  support::MakeZeros(image_, MiB(400).value());
  MustRun({std::string("mkfs.") + GetParam(), "-q", image_});
  MakeStore("a");
  const std::string device = Attach(*dm_, "a");
  const std::string mount = Path("mount");
  std::filesystem::create_directory(mount);
  MustRun({"mount", device, mount});
  MustRun(Fio(mount + "/file", "--do_verify=1"));
  MustRun({"umount", mount});
  ExpectClean(device);
  Detach(*dm_, device);
  Ok({"cow", "check", StoreOf("a"), "--origin", image_});
  EXPECT_EQ(Attach(*dm_, "a"), device);
  ExpectClean(device);
  MustRun({"mount", device, mount});
  MustRun(Fio(mount + "/file", "--verify_only=1"));
  MustRun({"umount", mount});
  Detach(*dm_, device);
}

INSTANTIATE_TEST_SUITE_P(Of, FileSystemTest, ::testing::Values("ext4", "xfs"),
                         [](const auto& instance) { return instance.param; });

class DmUseTest : public DmHost {
 protected:
  void SetUp() override {
    DmHost::SetUp();
    MakeImage(MiB(2));
  }
  Outcome Refused(const std::vector<std::string>& arguments, int status) {
    Outcome outcome = Veneer(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
    return outcome;
  }
  [[nodiscard]] std::vector<std::string> AttachArguments(const std::string& disk,
                                                         const std::string& name) const {
    return {"cow", "attach", StoreOf(disk), "--origin", image_, "--backend", "dm", "--name", name};
  }
};

TEST_F(DmUseTest, TheCommandsPrintTheDeviceAndTakeItBack) {
  MakeStore("a");
  EXPECT_EQ(Ok(AttachArguments("a", "a")), "/dev/mapper/veneer-a\n");
  EXPECT_THAT(Ok({"cow", "fill", DevicePath("a"), "--json"}), HasSubstr("\"condition\":\"good\""));
  const std::string host = Ok({"doctor", "--json"});
  EXPECT_THAT(host, HasSubstr("\"dm\":true"));
  EXPECT_THAT(host, HasSubstr("the kernel reserves 512 KiB for copies"));
  EXPECT_THAT(Ok({"gc", "--json"}), HasSubstr("\"adopted\":[\"a\"]"));
  Ok({"cow", "detach", DevicePath("a")});
  Refused({"cow", "detach", DevicePath("a")}, 3);
}

TEST_F(DmUseTest, AnOpenerThatStaysIsNamed) {
  MakeStore("a");
  const std::string device = Attach(*dm_, "a");
  {
    const Opener opener(device);
    const Result<void> refused = dm_->Detach(device);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, HasSubstr(opener.Name()));
    EXPECT_EQ(Write(device, 0, "still works"), 0);
    EXPECT_EQ(dm::ReadRecord(run_ + "/dm", "a")->state, dm::RecordState::kAttached);
  }
  Detach(*dm_, device);
}

TEST_F(DmUseTest, AMountAndADeviceOnTopAreNamed) {
  support::MakeZeros(image_, MiB(16).value());
  MustRun({"mkfs.ext4", "-q", image_});
  MakeStore("a");
  const std::string device = Attach(*dm_, "a");
  std::filesystem::create_directory(Path("mount"));
  MustRun({"mount", device, Path("mount")});
  EXPECT_THAT(dm_->Detach(device).error().what, HasSubstr("mounted at " + Path("mount")));
  MustRun({"umount", Path("mount")});
  MustRun({"dmsetup", "create", "on-top", "--table", "0 100 linear " + device + " 0"});
  EXPECT_THAT(dm_->Detach(device).error().what, HasSubstr("on-top"));
  MustRun({"dmsetup", "remove", "on-top"});
  Detach(*dm_, device);
}

TEST_F(DmUseTest, AnOpenerThatLeavesLetsTheDetachSucceed) {
  MakeStore("a");
  const std::string device = Attach(*dm_, "a");
  DmBackend patient({.devices = devices_, .loops = loops_, .holders = holders_}, dm_->place(),
                    std::chrono::minutes(5));
  const Opener opener(device);
  Result<void> detached;
  std::thread detach([&] { detached = patient.Detach(device); });
  EXPECT_TRUE(support::Eventually(
      [&] {
        const auto record = dm::ReadRecord(run_ + "/dm", "a");
        return record && record->state == dm::RecordState::kDetaching;
      },
      std::chrono::minutes(2)));
  EXPECT_THAT(Devices(), ::testing::ElementsAre("veneer-a"));
  opener.Leave();
  detach.join();
  EXPECT_TRUE(Succeeds(detached));
}

TEST_F(DmUseTest, BadRequestsChangeNothing) {
  MakeStore("a");
  MakeStore("b");
  const std::string device = Attach(*dm_, "a");
  EXPECT_THAT(Refused(AttachArguments("b", "a"), 4).err, HasSubstr("taken"));
  EXPECT_THAT(Refused(AttachArguments("a", "c"), 4).err, HasSubstr("in use"));
  Refused({"cow", "attach", StoreOf("a"), "--origin", image_, "--at", Path("x")}, 4);
  for (const std::string name : {"", "-x", "A", "a/b", "x y"}) {
    Refused(AttachArguments("b", name), 2);
  }
  Refused(AttachArguments("b", std::string(64, 'x')), 2);
  Refused({"cow", "attach", StoreOf("b"), "--origin", image_, "--backend", "dm"}, 2);
  EXPECT_THAT(Devices(), ::testing::ElementsAre("veneer-a"));
  EXPECT_THAT(Records(), ::testing::ElementsAre("a"));
  Detach(*dm_, device);
}

TEST_F(DmUseTest, AStoreOnTheOtherBackendIsInUse) {
  MakeStore("a");
  const std::string path = Attach(*user_, "a");
  EXPECT_EQ(dm_->Attach(Request("a")).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(Devices(), IsEmpty());
  Detach(*user_, path);
  Detach(*dm_, Attach(*dm_, "a"));
}

TEST_F(DmUseTest, AnImageOfPartialSectorsIsForTheOtherBackend) {
  support::WriteFile(image_, Pattern(100'001, 1));
  MakeStore("a");
  EXPECT_THAT(Refused(AttachArguments("a", "a"), 2).err, HasSubstr("--backend user"));
  Detach(*user_, Attach(*user_, "a"));
}

TEST_F(DmUseTest, AnImageThatChangedItsSizeIsRefused) {
  MakeStore("a");
  std::filesystem::resize_file(image_, MiB(3).value());
  Refused(AttachArguments("a", "a"), 6);
}

TEST_F(DmUseTest, GcTakesOrphansAndNothingElse) {
  MakeStore("a");
  MakeStore("b");
  const std::string living = Attach(*dm_, "a");
  const std::string orphan = Attach(*dm_, "b");
  std::filesystem::remove(run_ + "/dm/b.json");
  MustRun({"dmsetup", "create", "veneer-foreign", "--uuid", "VENEER-ffffffffffffffff-x", "--table",
           "0 100 zero"});
  const auto looked = Reconcile(*dm_, {devices_, loops_, holders_}, GcMode::kLook);
  ASSERT_TRUE(Succeeds(looked));
  ASSERT_EQ(looked->removed.size(), 1U);
  EXPECT_EQ(looked->removed[0].object, "device veneer-b");
  EXPECT_TRUE(std::filesystem::exists(orphan));
  EXPECT_THAT(Ok({"gc"}), HasSubstr("veneer-b"));
  EXPECT_FALSE(std::filesystem::exists(orphan));
  EXPECT_EQ(Write(living, 0, "alive"), 0);
  MustRun({"dmsetup", "remove", "veneer-foreign"});
  Detach(*dm_, living);
}

TEST_F(DmUseTest, GcReportsAnOrphanThatIsInUseAndLeavesIt) {
  MakeStore("a");
  const std::string device = Attach(*dm_, "a");
  std::filesystem::remove(run_ + "/dm/a.json");
  {
    const Opener opener(device);
    EXPECT_THAT(Refused({"gc"}, 4).out, HasSubstr("veneer-a"));
    EXPECT_EQ(Write(device, 0, "alive"), 0);
  }
  Ok({"gc"});
}

TEST_F(DmUseTest, ADeviceThatWasRemovedByHandIsForgotten) {
  MakeStore("a");
  MustRun({"dmsetup", "remove", Attach(*dm_, "a").substr(std::string("/dev/mapper/").size())});
  EXPECT_EQ(dm_->Detach(DevicePath("a")).error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(Records(), IsEmpty());
  Detach(*dm_, Attach(*dm_, "a"));
}

TEST_F(DmUseTest, FiveHundredDisksByEightThreads) {
  constexpr unsigned kDisks = 500;
  constexpr unsigned kThreads = 8;
  MakeImage(MiB(1));
  MakeStore("0");
  for (unsigned i = 1; i < kDisks; ++i) {
    std::filesystem::copy_file(StoreOf("0"), StoreOf(std::to_string(i)));
  }
  const auto by_threads = [&](const auto& act) {
    std::atomic<unsigned> next = 0;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (unsigned i = next++; i < kDisks; i = next++) act(std::to_string(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  by_threads([&](const std::string& disk) {
    const std::string device = Attach(*dm_, disk);
    EXPECT_EQ(Write(device, 0, "disk " + disk), 0);
  });
  EXPECT_EQ(Devices().size(), kDisks);
  // An origin's loop device for 16 disks, and one for each store.
  EXPECT_EQ(Loops().size(), kDisks + (kDisks + 15) / 16);
  by_threads([&](const std::string& disk) {
    EXPECT_EQ(Read(DevicePath(disk), 0, 5 + disk.size()), "disk " + disk);
    Detach(*dm_, DevicePath(disk));
  });
}

}  // namespace
}  // namespace veneer::kernel_test
