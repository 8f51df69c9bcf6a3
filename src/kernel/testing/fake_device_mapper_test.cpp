#include "kernel/testing/fake_device_mapper.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "kernel/testing/temp_directory.h"

namespace veneer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Sectors kMiB{2048};

class FakeDeviceMapperTest : public ::testing::Test {
 protected:
  static std::string Number(dev_t device) {
    return fmt::format("{}:{}", major(device), minor(device));
  }
  HeldLoop Loop(const std::string& name, Bytes size) {
    return loops_.AttachHeld(*MakeFile(directory_ / name, size), {}).value();
  }
  static DmSpec Spec(const std::string& name, const std::string& type, const std::string& params,
                     Sectors length = kMiB) {
    return {.name = name, .uuid = "VENEER-" + name, .table = {{Sectors(0), length, type, params}}};
  }
  static DmSpec Snapshot(const std::string& name, dev_t origin, dev_t store) {
    return Spec(name, "snapshot", fmt::format("{} {} PO 8", Number(origin), Number(store)));
  }

  TempDirectory directory_;
  KernelFaults faults_;
  FakeLoopControl loops_{faults_};
  FakeDeviceMapper dm_{loops_, faults_};
};

TEST_F(FakeDeviceMapperTest, ATableKeepsItsLoopDevicesAndTheyGoWithIt) {
  HeldLoop origin = Loop("origin", MiB(1));
  HeldLoop store = Loop("store", MiB(1));
  ASSERT_TRUE(dm_.Create(Snapshot("veneer-a", origin.device.device, store.device.device)));
  origin.hold.Close();
  store.hold.Close();
  ASSERT_EQ(loops_.Bound(), 2U);
  EXPECT_EQ(loops_.Devices()[0].stacked, 1U);
  ASSERT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_EQ(loops_.Bound(), 0U);
  EXPECT_FALSE(dm_.Has("veneer-a"));
}

TEST_F(FakeDeviceMapperTest, WhoHasADeviceOpenKeepsItFromBeingRemoved) {
  ASSERT_TRUE(dm_.Create(Spec("veneer-a", "zero", "")));
  auto opener = dm_.Open("veneer-a");
  EXPECT_EQ(dm_.Query("veneer-a").value().open_count, 1U);
  EXPECT_EQ(dm_.Remove("veneer-a").error().kind, ErrorKind::kConflict);
  opener.reset();
  EXPECT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_EQ(dm_.Open("veneer-a"), nullptr);
}

TEST_F(FakeDeviceMapperTest, ADeviceOnTopIsAnOpener) {
  const HeldLoop store = Loop("store", MiB(1));
  const DmDevice below = dm_.Create(Spec("veneer-origin", "zero", "")).value();
  ASSERT_TRUE(dm_.Create(Snapshot("veneer-a", below.device, store.device.device)));
  EXPECT_EQ(dm_.Remove("veneer-origin").error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(dm_.Remove("veneer-a"));
  EXPECT_TRUE(dm_.Remove("veneer-origin"));
  EXPECT_THAT(dm_.Names(), IsEmpty());
}

TEST_F(FakeDeviceMapperTest, OfATableThatCannotBeLoadedNothingIsOpen) {
  const HeldLoop loop = Loop("disk", MiB(1));
  const std::string number = Number(loop.device.device);
  DmSpec gap = Spec("veneer-a", "zero", "");
  gap.table[0].start = Sectors(8);
  DmSpec empty = Spec("veneer-a", "zero", "");
  empty.table.clear();
  const std::vector<DmSpec> bad{gap,
                                empty,
                                Spec("veneer-a", "zero", "1"),
                                Spec("veneer-a", "linear", number + " 8"),
                                Spec("veneer-a", "linear", "7:99 0"),
                                Spec("veneer-a", "linear", "1000:0 0"),
                                Spec("veneer-a", "linear", "x 0"),
                                Spec("veneer-a", "snapshot", number + " 7:99 PO 8"),
                                Spec("veneer-a", "snapshot", number + " " + number + " PO 8"),
                                Spec("veneer-a", "snapshot", number + " 7:99 PO 7"),
                                Spec("veneer-a", "unheard-of", "")};
  for (const DmSpec& spec : bad) EXPECT_EQ(dm_.Create(spec).error().kind, ErrorKind::kFailed);
  EXPECT_THAT(dm_.Names(), IsEmpty());
  EXPECT_EQ(loops_.Openers(loop.device.number), 1U);
}

TEST_F(FakeDeviceMapperTest, NamesAndUuidsAreTakenOnce) {
  ASSERT_TRUE(dm_.Create(Spec("veneer-a", "zero", "")));
  DmSpec same_uuid = Spec("veneer-b", "zero", "");
  same_uuid.uuid = "VENEER-veneer-a";
  EXPECT_EQ(dm_.Create(Spec("veneer-a", "zero", "")).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(dm_.Create(same_uuid).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(dm_.Create(Spec("a/b", "zero", "")).error().kind, ErrorKind::kUsage);
  EXPECT_THAT(dm_.Names(), ElementsAre("veneer-a"));
}

TEST_F(FakeDeviceMapperTest, ASnapshotTellsItsStoreOrWhatItIsToldToTell) {
  const HeldLoop origin = Loop("origin", MiB(1));
  const auto file = MakeFile(directory_ / "store", MiB(1));
  const HeldLoop store = loops_.AttachHeld(*file, {}).value();
  ASSERT_TRUE(dm_.Create(Snapshot("veneer-a", origin.device.device, store.device.device)));
  const auto status = [&] { return dm_.Query("veneer-a").value().status.at(0).params; };
  EXPECT_EQ(status(), "16/2048 16");
  ASSERT_TRUE(file->Resize(MiB(2)));
  ASSERT_TRUE(loops_.UpdateSize(store.device));
  EXPECT_EQ(status(), "16/4096 16");
  dm_.SetStatus("veneer-a", "Overflow");
  EXPECT_EQ(status(), "Overflow");
}

TEST_F(FakeDeviceMapperTest, AHalfMadeDeviceIsListedAndHasNoStatus) {
  dm_.LeaveHalfMade("veneer-a", "VENEER-a");
  ASSERT_TRUE(dm_.Create(Spec("veneer-b", "zero", "")));
  EXPECT_EQ(dm_.List("VENEER-a").value().size(), 1U);
  EXPECT_EQ(dm_.List("VENEER-").value().size(), 2U);
  EXPECT_THAT(dm_.Query("veneer-a").value().status, IsEmpty());
  EXPECT_TRUE(dm_.Remove("veneer-a"));
}

TEST_F(FakeDeviceMapperTest, SuspendedIsSuspendedUntilItIsResumed) {
  ASSERT_TRUE(dm_.Create(Spec("veneer-a", "zero", "")));
  ASSERT_TRUE(dm_.Suspend("veneer-a"));
  EXPECT_TRUE(dm_.Query("veneer-a").value().suspended);
  ASSERT_TRUE(dm_.Resume("veneer-a"));
  EXPECT_FALSE(dm_.IsSuspended("veneer-a"));
  EXPECT_EQ(dm_.Suspend("veneer-no").error().kind, ErrorKind::kNotFound);
}

TEST_F(FakeDeviceMapperTest, ATargetCanBeLacking) {
  EXPECT_TRUE(dm_.RequireTarget("zero"));
  dm_.Lack("zero");
  EXPECT_EQ(dm_.RequireTarget("zero").error().kind, ErrorKind::kUnsupported);
  EXPECT_FALSE(dm_.Create(Spec("veneer-a", "zero", "")));
}

TEST_F(FakeDeviceMapperTest, AFaultComesBeforeOrAfterTheEffect) {
  const Error error{ErrorKind::kFailed, EIO, "planned", ""};
  faults_.FailNext(KernelVerb::kCreate, error);
  EXPECT_FALSE(dm_.Create(Spec("veneer-a", "zero", "")));
  EXPECT_FALSE(dm_.Has("veneer-a"));
  faults_.FailAt(1, error, FaultMoment::kAfter);
  EXPECT_FALSE(dm_.Create(Spec("veneer-a", "zero", "")));
  EXPECT_TRUE(dm_.Has("veneer-a"));
  faults_.FailNext(KernelVerb::kRemove, error, FaultMoment::kAfter);
  EXPECT_FALSE(dm_.Remove("veneer-a"));
  EXPECT_FALSE(dm_.Has("veneer-a"));
}

TEST_F(FakeDeviceMapperTest, OthersActOnceBeforeAVerbOrAfterIt) {
  const auto make = [&] { EXPECT_TRUE(dm_.Create(Spec("veneer-a", "zero", ""))); };
  const auto remove = [&] { EXPECT_TRUE(dm_.Remove("veneer-a")); };
  faults_.Meanwhile(KernelVerb::kList, FaultMoment::kAfter, make);
  EXPECT_THAT(dm_.List("VENEER-").value(), IsEmpty());
  EXPECT_EQ(dm_.List("VENEER-").value().size(), 1U);
  faults_.Meanwhile(KernelVerb::kQuery, FaultMoment::kBefore, remove);
  EXPECT_EQ(dm_.Query("veneer-a").error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(dm_.Names(), IsEmpty());
}

}  // namespace
}  // namespace veneer::testing
