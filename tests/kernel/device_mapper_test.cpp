// LinuxDeviceMapper on a real kernel: devices come, are listed, and go, and nothing is left of what
// could not come.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "dm_fixture.h"
#include "kernel/linux/dm_ioctl.h"
#include "kernel/linux/linux_holders.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DmTest, ADeviceIsThereWithItsNodeUntilItIsRemoved) {
  const DmDevice device = dm_.Create(Zero("veneer-a")).value();
  struct stat status{};
  ASSERT_EQ(::stat("/dev/mapper/veneer-a", &status), 0);
  EXPECT_TRUE(S_ISBLK(status.st_mode));
  EXPECT_EQ(status.st_rdev, device.device);
  EXPECT_EQ(SizeOf(device.Path()), MiB(1));
  ASSERT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_FALSE(IsThere("/dev/mapper/veneer-a"));
  EXPECT_EQ(KindOfQuery("veneer-a"), ErrorKind::kNotFound);
  EXPECT_THAT(dm_.List(kPrefix).value(), IsEmpty());
}

TEST_F(DmTest, AQueryTellsWhoseItIsItsOpenersAndItsTargets) {
  const HeldLoop loop = Loop("disk", MiB(1));
  DmSpec spec = Linear("veneer-a", loop.device.device);
  spec.table.push_back({kMiB, Sectors(8), "zero", ""});
  const DmDevice device = dm_.Create(spec).value();
  const UniqueFd opener = Open(device.Path(), O_RDONLY);
  const DmState state = dm_.Query("veneer-a").value();
  EXPECT_EQ(state.device.name, "veneer-a");
  EXPECT_EQ(state.device.uuid, spec.uuid);
  EXPECT_EQ(state.device.device, device.device);
  EXPECT_EQ(state.open_count, 1U);
  EXPECT_FALSE(state.suspended);
  const std::vector<DmTarget> expected{{Sectors(0), kMiB, "linear", ""},
                                       {kMiB, Sectors(8), "zero", ""}};
  EXPECT_EQ(state.status, expected);
}

TEST_F(DmTest, ATakenNameOrUuidIsAConflictAndItsOwnerUnharmed) {
  ASSERT_TRUE(dm_.Create(Zero("veneer-a")));
  DmSpec same_name = Zero("veneer-a", Sectors(8));
  same_name.uuid = std::string(kPrefix) + "other";
  DmSpec same_uuid = Zero("veneer-b", Sectors(8));
  same_uuid.uuid = Zero("veneer-a").uuid;
  for (const DmSpec& spec : {same_name, same_uuid, Zero("veneer-a")}) {
    EXPECT_EQ(dm_.Create(spec).error().kind, ErrorKind::kConflict);
  }
  ASSERT_EQ(dm_.List(kPrefix).value().size(), 1U);
  EXPECT_EQ(SizeOf("/dev/mapper/veneer-a"), MiB(1));
  EXPECT_FALSE(IsThere("/dev/mapper/veneer-b"));
}

TEST_F(DmTest, ADeviceThatIsOpenIsNotRemovedAndUnharmed) {
  const DmDevice device = dm_.Create(Zero("veneer-a")).value();
  UniqueFd opener = Open(device.Path(), O_RDWR);
  const Error error = dm_.Remove("veneer-a").error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.what, HasSubstr("remove veneer-a"));
  std::array<char, 512> sector{};
  EXPECT_EQ(::pread(opener.get(), sector.data(), sector.size(), 0), 512);
  EXPECT_TRUE(IsThere(device.Path()));
  opener.Close();
  EXPECT_TRUE(WaitUntil(kLong, [&] { return dm_.Remove("veneer-a").has_value(); }));
}

TEST_F(DmTest, OfATableThatCannotBeLoadedNothingIsLeft) {
  const HeldLoop loop = Loop("disk", MiB(1));
  DmSpec gap = Zero("veneer-a");
  gap.table[0].start = Sectors(8);
  DmSpec unknown = Zero("veneer-a");
  unknown.table[0].type = "no-such-target";
  DmSpec empty = Zero("veneer-a");
  empty.table.clear();
  const std::vector<DmSpec> bad{gap, unknown, empty,
                                Linear("veneer-a", loop.device.device, kMiB + Sectors(8)),
                                Linear("veneer-a", makedev(240, 9))};
  for (const DmSpec& spec : bad) {
    const auto created = dm_.Create(spec);
    ASSERT_FALSE(created) << (spec.table.empty() ? "no target" : spec.table[0].params);
    EXPECT_THAT(created.error().what, HasSubstr("load the table of veneer-a"));
    EXPECT_FALSE(created.error().hint.starts_with("it was left")) << created.error().hint;
    EXPECT_EQ(KindOfQuery("veneer-a"), ErrorKind::kNotFound);
    EXPECT_FALSE(IsThere("/dev/mapper/veneer-a"));
  }
  EXPECT_THAT(dm_.List(kPrefix).value(), IsEmpty());
}

TEST_F(DmTest, WhatAKillLeavesBetweenTheStepsIsListedAndCanBeRemoved) {
  ASSERT_TRUE(CreateDm(OpenDmControl().value(), "veneer-a", "VENEER-test-veneer-a"));
  ASSERT_EQ(dm_.List(kPrefix).value().size(), 1U);
  EXPECT_EQ(dm_.List(kPrefix).value()[0].name, "veneer-a");
  EXPECT_THAT(dm_.Query("veneer-a").value().status, IsEmpty());
  EXPECT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_THAT(dm_.List(kPrefix).value(), IsEmpty());
}

TEST_F(DmTest, AListIsThatOfThePrefixHoweverLongItIs) {
  constexpr std::size_t kDevices = 400;
  const std::string tail(90, 't');
  const UniqueFd control = OpenDmControl().value();
  for (std::size_t i = 0; i < kDevices; ++i) {
    const std::string name = fmt::format("veneer-{}-{}", i, tail);
    const std::string uuid = fmt::format("{}{}-{}", kPrefix, i % 2 == 0 ? "even" : "odd", name);
    ASSERT_TRUE(CreateDm(control, name, uuid));
  }
  EXPECT_EQ(dm_.List(kPrefix).value().size(), kDevices);
  const auto odd = dm_.List(std::string(kPrefix) + "odd").value();
  ASSERT_EQ(odd.size(), kDevices / 2);
  EXPECT_EQ(odd[0].uuid, fmt::format("{}odd-{}", kPrefix, odd[0].name));
  EXPECT_EQ(dm_.Query(odd[0].name).value().device.device, odd[0].device);
  EXPECT_THAT(dm_.List("VENEER-of-nobody-").value(), IsEmpty());
}

TEST_F(DmTest, AnUnknownNameIsNotFoundByAnyVerb) {
  EXPECT_EQ(dm_.Remove("veneer-no").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(dm_.Query("veneer-no").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(dm_.Suspend("veneer-no").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(dm_.Resume("veneer-no").error().kind, ErrorKind::kNotFound);
}

TEST_F(DmTest, ANameIsTakenAsItIs) {
  const std::string name = "veneer-\\x2d a%b" + std::string(100, 'x');
  const DmDevice device = dm_.Create(Zero(name)).value();
  EXPECT_TRUE(IsThere("/dev/mapper/" + name));
  ASSERT_EQ(dm_.List(kPrefix).value().size(), 1U);
  EXPECT_EQ(dm_.List(kPrefix).value()[0].name, name);
  EXPECT_EQ(dm_.Query(name).value().device.name, name);
}

TEST_F(DmTest, WhatStandsInTheWayOfANodeIsReplaced) {
  ASSERT_EQ(::symlink("../dm-4711", "/dev/mapper/veneer-a"), 0);
  const DmDevice device = dm_.Create(Zero("veneer-a")).value();
  EXPECT_EQ(SizeOf(device.Path()), MiB(1));
}

TEST_F(DmTest, ADeviceWithoutItsNodeCanBeRemoved) {
  ASSERT_TRUE(dm_.Create(Zero("veneer-a")));
  ASSERT_EQ(::unlink("/dev/mapper/veneer-a"), 0);
  EXPECT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_THAT(dm_.List(kPrefix).value(), IsEmpty());
}

TEST_F(DmTest, ANodeThatAKillLeftIsRemoved) {
  ASSERT_EQ(::mknod("/dev/mapper/veneer-a", S_IFBLK | 0600, makedev(254, 4711)), 0);
  EXPECT_EQ(dm_.Remove("veneer-a").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(IsThere("/dev/mapper/veneer-a"));
  ASSERT_EQ(::symlink("../dm-4711", "/dev/mapper/veneer-a"), 0);
  EXPECT_EQ(dm_.Remove("veneer-a").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(IsThere("/dev/mapper/veneer-a"));
}

TEST_F(DmTest, TargetsAreLoadedAndOneThatIsMissingIsNamed) {
  for (const char* type : {"linear", "zero", "snapshot", "snapshot-origin"}) {
    const Result<void> there = dm_.RequireTarget(type);
    EXPECT_TRUE(there) << there.error().what;
  }
  const Error error = dm_.RequireTarget("no-such").error();
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error.hint, HasSubstr("modprobe dm-no-such"));
}

TEST_F(DmTest, WithoutPermissionTheHintSaysHow) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    const auto created = dm_.Create(Zero("veneer-a"));
    const bool right = !created && created.error().kind == ErrorKind::kFailed &&
                       created.error().hint == "run as root";
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

// A device comes and goes; what went wrong, or nothing.
std::string ComeAndGo(const DmSpec& spec) {
  LinuxDeviceMapper dm;
  const auto made = dm.Create(spec);
  if (!made) return made.error().what;
  const bool whole = dm.Query(spec.name).has_value() && SizeOf(made->Path()) == MiB(1);
  const auto removed = dm.Remove(spec.name);
  if (!removed) return removed.error().what;
  return whole ? "" : spec.name + " was not whole";
}

TEST_F(DmTest, ThreadsMakeAndRemoveDevicesAtOnce) {
  constexpr std::size_t kThreads = 8;
  constexpr int kRounds = 8;
  std::array<std::string, kThreads> faults;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&fault = faults.at(i), i] {
        for (int round = 0; round < kRounds; ++round) {
          fault += ComeAndGo(Zero(fmt::format("veneer-{}-{}", i, round)));
        }
      });
    }
  }
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
  EXPECT_THAT(dm_.List(kPrefix).value(), IsEmpty());
}

TEST_F(DmTest, ALoopDeviceTellsHowManyAreOnTopOfIt) {
  const HeldLoop loop = Loop("disk", MiB(1));
  const std::string file = directory_ / "disk";
  const auto identity = LinuxFile::Open(file, Access::kReadOnly).value()->Identity().value();
  const auto stacked = [&] { return loops_.Find(identity, file).value().at(0).stacked; };
  EXPECT_EQ(stacked(), 0U);
  ASSERT_TRUE(dm_.Create(Linear("veneer-a", loop.device.device, Sectors(8))));
  ASSERT_TRUE(dm_.Create(Linear("veneer-b", loop.device.device)));
  EXPECT_EQ(stacked(), 2U);
  ASSERT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_EQ(stacked(), 1U);
}

TEST_F(DmTest, HoldersNameTheDeviceOnTop) {
  const HeldLoop loop = Loop("disk", MiB(1));
  const DmDevice below = dm_.Create(Linear("veneer-below", loop.device.device)).value();
  ASSERT_TRUE(dm_.Create(Linear("veneer-above", below.device)));
  const LinuxHolders holders(loops_);
  EXPECT_THAT(DescribeHolders(holders.OfBlockDevice(loop.device.path, loop.device.device)),
              HasSubstr("under /dev/mapper/veneer-below"));
  EXPECT_THAT(DescribeHolders(holders.OfBlockDevice(below.Path(), below.device)),
              HasSubstr("under /dev/mapper/veneer-above"));
}

}  // namespace
}  // namespace veneer
