// For tests of device-mapper on the kernel that runs: tables, and devices that are gone afterwards.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "kernel/linux/linux_device_mapper.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/wait_until.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {

constexpr std::chrono::seconds kLong{60};
constexpr Sectors kMiB{2048};

inline std::string Number(dev_t device) {
  return fmt::format("{}:{}", major(device), minor(device));
}

inline UniqueFd Open(const std::string& path, int flags) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

inline bool IsThere(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

inline Bytes SizeOf(const std::string& path) {
  std::uint64_t size = 0;
  if (::ioctl(Open(path, O_RDONLY).get(), BLKGETSIZE64, &size) != 0) return Bytes(0);
  return Bytes(size);
}

class DmTest : public ::testing::Test {
 protected:
  static constexpr const char* kPrefix = "VENEER-test-";

  void SetUp() override { ASSERT_TRUE(RemoveAll()) << "devices of another test are left"; }
  void TearDown() override { EXPECT_TRUE(RemoveAll()); }

  // Devices that use others go before these.
  bool RemoveAll() {
    return WaitUntil(kLong, [&] {
      const auto devices = dm_.List(kPrefix).value();
      for (const DmDevice& device : devices) {
        dm_.Resume(device.name).Ignore("it may have no table");
        dm_.Remove(device.name).Ignore("tried again");
      }
      return devices.empty();
    });
  }

  static DmSpec Zero(const std::string& name, Sectors length = kMiB) {
    return {.name = name, .uuid = kPrefix + name, .table = {{Sectors(0), length, "zero", ""}}};
  }
  static DmSpec Linear(const std::string& name, dev_t on, Sectors length = kMiB) {
    return {.name = name,
            .uuid = kPrefix + name,
            .table = {{Sectors(0), length, "linear", Number(on) + " 0"}}};
  }
  static DmSpec Snapshot(const std::string& name, dev_t origin, dev_t store, Sectors length) {
    return {.name = name,
            .uuid = kPrefix + name,
            .table = {{Sectors(0), length, "snapshot",
                       fmt::format("{} {} PO 8", Number(origin), Number(store))}}};
  }
  // A device on a new file that goes when it is closed and no table has it any more.
  HeldLoop Loop(const std::string& name, Bytes size, const LoopOptions& options = {}) {
    return loops_.AttachHeld(*testing::MakeFile(directory_ / name, size), options).value();
  }
  ErrorKind KindOfQuery(const std::string& name) {
    const auto state = dm_.Query(name);
    return state ? ErrorKind{} : state.error().kind;
  }

  testing::TempDirectory directory_;
  LinuxLoopControl loops_;
  LinuxDeviceMapper dm_;
};

}  // namespace veneer
