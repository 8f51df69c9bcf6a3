// A host with device-mapper: disks attached by both backends, on files of the test's own.
//
// However a test ends, what it attached is taken away; and a test that left a device, a node, a
// loop device or a record behind fails.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dm/dm_backend.h"
#include "backend/user/user_backend.h"
#include "kernel/linux/linux_device_mapper.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "support/expect.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace veneer::kernel_test {

using support::Pattern;
using support::Succeeds;

class DmHost : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::string Path(std::string_view name) const { return dir_ / name; }
  [[nodiscard]] std::string StoreOf(const std::string& disk) const { return Path(disk + ".cow"); }

  // An image of that size, all of it a pattern.
  void MakeImage(Bytes size);
  void MakeStore(const std::string& disk, const std::string& chunk_size = "4K",
                 const std::vector<std::string>& options = {}) const;

  // `veneer` with this test's directories; Ok must succeed and yields its output.
  [[nodiscard]] std::vector<std::string> Command(std::vector<std::string> arguments) const;
  [[nodiscard]] support::Outcome Veneer(std::vector<std::string> arguments) const;
  std::string Ok(const std::vector<std::string>& arguments) const;
  static std::string MustRun(const std::vector<std::string>& argv);

  [[nodiscard]] DiskRequest Request(const std::string& disk) const;
  // The path of the attached disk.
  std::string Attach(DiskBackend& backend, const std::string& disk);
  static void Detach(DiskBackend& backend, const std::string& path);
  [[nodiscard]] static std::string DevicePath(const std::string& disk) {
    return "/dev/mapper/veneer-" + disk;
  }

  // Past the caches of this process; a write is durable when it returns, and yields its errno.
  static std::string Read(const std::string& path, std::size_t at, std::size_t length);
  static int Write(const std::string& path, std::size_t at, std::string_view data);

  // What a store and the image make, by `cow check` and `cow flatten`.
  [[nodiscard]] std::string Flattened(const std::string& disk) const;

  // Names of what is in the kernel: our device-mapper devices, our nodes, loop devices on files
  // below the directory; and the records.
  [[nodiscard]] std::vector<std::string> Devices();
  [[nodiscard]] static std::vector<std::string> Nodes();
  [[nodiscard]] std::vector<std::string> Loops() const;
  [[nodiscard]] std::vector<std::string> Records() const;
  void ExpectNothingIsLeft();

  support::TempDir dir_;
  std::string image_ = dir_ / "image";
  std::string root_ = dir_ / "root";
  std::string run_ = dir_ / "run";
  LinuxDeviceMapper devices_;
  LinuxLoopControl loops_;
  LinuxHolders holders_{loops_};
  std::unique_ptr<DmBackend> dm_;
  std::unique_ptr<UserBackend> user_;
};

}  // namespace veneer::kernel_test
