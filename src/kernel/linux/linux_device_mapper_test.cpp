// Where there is no device-mapper. What works where there is one: tests/kernel.
#include "kernel/linux/linux_device_mapper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/linux/dm_ioctl.h"

namespace veneer {
namespace {

class NoDeviceMapperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (OpenDmControl()) GTEST_SKIP() << "this host has device-mapper";
  }
  LinuxDeviceMapper dm_;
};

TEST_F(NoDeviceMapperTest, EachVerbSaysThatItIsMissingAndMakesNothing) {
  const DmSpec spec{.name = "veneer-test",
                    .uuid = "VENEER-test",
                    .table = {{Sectors(0), Sectors(8), "zero", ""}}};
  const std::vector<Error> errors{
      dm_.RequireTarget("snapshot").error(), dm_.Create(spec).error(),
      dm_.Remove(spec.name).error(),         dm_.List("VENEER-").error(),
      dm_.Query(spec.name).error(),          dm_.Suspend(spec.name).error(),
      dm_.Resume(spec.name).error()};
  for (const Error& error : errors) {
    if (::geteuid() == 0) {
      EXPECT_EQ(error.kind, ErrorKind::kUnsupported) << error.what;
    }
    EXPECT_FALSE(error.hint.empty());
  }
  struct stat status{};
  EXPECT_NE(::lstat("/dev/mapper/veneer-test", &status), 0);
}

TEST(LinuxDeviceMapperTest, ANameThatCannotBeIsRefusedBeforeTheKernelIsAsked) {
  LinuxDeviceMapper dm;
  const std::string name(128, 'x');
  EXPECT_EQ(dm.Create({.name = name, .uuid = "", .table = {}}).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dm.Remove("a/b").error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dm.Query("").error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dm.Suspend(name).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(dm.Resume(name).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
