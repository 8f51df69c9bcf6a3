// A state directory of a test's own, worked on with the real `veneer` program, or through its API
// (lifecycle/asked.h).
//
// In a guest with device-mapper sandboxes are of the dm backend, elsewhere of the user backend. A
// test that leaves a mount, a device or a server behind fails; it is taken away in any case.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace veneer::lifecycle {

using nlohmann::json;

class SandboxesTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Ends what a failed test has left.
  void TakeAway() const;

  [[nodiscard]] std::string Path(std::string_view name) const { return dir_ / name; }
  [[nodiscard]] static bool InGuest();
  [[nodiscard]] static std::string Backend() { return InGuest() ? "dm" : "user"; }

  // `veneer ARGUMENTS` with this test's directories.
  [[nodiscard]] std::vector<std::string> Command(std::vector<std::string> arguments) const;
  [[nodiscard]] support::Outcome Veneer(const std::vector<std::string>& arguments) const;
  // The same with --json; it must succeed.
  json Ok(std::vector<std::string> arguments) const;
  // It must fail with this status, and say something. Yields what it said.
  std::string Refused(int status, const std::vector<std::string>& arguments) const;

  // A template of 16 MiB, "base", whose first block is full of 'b'; and sandboxes of it.
  void ImportBase() const;
  json Create(const std::string& name, const std::vector<std::string>& options = {}) const;
  [[nodiscard]] json Show(const std::string& name) const { return Ok({"show", name}); }
  [[nodiscard]] std::string StateOf(const std::string& name) const;
  // The disk's path; the sandbox runs.
  [[nodiscard]] std::string DiskOf(const std::string& name) const;

  // Block `number` of a disk, 4 KiB, full of `letter`, flushed.
  static void Write(const std::string& disk, unsigned number, char letter);
  // The same, where the disk may go at any moment: whether it was flushed.
  [[nodiscard]] static bool TryWrite(const std::string& disk, unsigned number, char letter);
  // The letter of a block; '\0' where it does not hold one throughout.
  [[nodiscard]] static char Read(const std::string& disk, unsigned number);

  [[nodiscard]] std::string StoreOf(const std::string& id) const;
  [[nodiscard]] std::string ImageOf(const std::string& id) const;
  void ExpectStoresAreSound() const;

  // Catalog, files, servers, mounts, devices and loop devices agree: nothing is half-done, nothing
  // is too much or missing, and every store that is not attached is sound. After `recover` and
  // `gc`.
  void ExpectAllAgree() const;

  // Where something is mounted in this test's directories.
  [[nodiscard]] std::vector<std::string> Mounts() const;
  // Names of the device-mapper devices of this test's instance.
  [[nodiscard]] std::set<std::string> Devices() const;
  // What the loop devices on files of this test have behind them; one that has several, several
  // times.
  [[nodiscard]] std::multiset<std::string> LoopFiles() const;

  // Processes that have this test's run directory and `word` in their command lines.
  [[nodiscard]] std::vector<pid_t> Processes(std::string_view word) const;
  [[nodiscard]] std::vector<pid_t> Servers() const;
  // So many are left before long: one whose starter was killed ends by itself, in its time.
  void ExpectServers(std::size_t count) const;
  // Ends a process as a crash would, and waits until nothing is open in it any more. False where it
  // had ended by itself.
  static bool Kill(pid_t process);
  // Mounts, loop devices, servers and files of this test.
  [[nodiscard]] std::vector<std::string> Leftovers() const;

  support::TempDir dir_;
  std::string root_ = dir_ / "root";
  std::string run_ = dir_ / "run";

 private:
  std::shared_ptr<void> asked_;
  // What the kernel must have of disks that run.
  struct Expected {
    std::size_t servers = 0;
    std::set<std::string> devices;
    std::multiset<std::string> loop_files;  // images and stores; an image once
  };
  [[nodiscard]] Expected ExpectedFor(const json& sandboxes) const;
  // The same as it is, so that it can be compared.
  [[nodiscard]] std::multiset<std::string> StoresAndEachImageOnce() const;
};

}  // namespace veneer::lifecycle
