// A host on which disks are attached with the real `veneer` program.
//
// Everything is in a directory of the test's own. However a test ends, its servers are killed, its
// mounts and loop devices are taken away; and a test that left any of them behind fails.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace veneer::scenario {

// What `cow attach --json` printed.
struct Attached {
  std::string path;
  std::string device;  // empty without --block

  // What to open: the device where there is one.
  [[nodiscard]] const std::string& target() const { return device.empty() ? path : device; }
};

class ScenarioTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::string Path(std::string_view name) const { return dir_ / name; }

  // Runs `veneer` with this test's run directory.
  [[nodiscard]] support::Outcome Veneer(std::vector<std::string> arguments) const;

  // The same; it must succeed.
  std::string Ok(const std::vector<std::string>& arguments) const;

  // Any program, which must succeed.
  static std::string MustRun(const std::vector<std::string>& argv);

  // An origin of `mebibytes`, its first MiB full of 'o', and an empty store for it.
  void MakeDisk(unsigned mebibytes, const std::string& chunk_size = "4K");

  [[nodiscard]] std::vector<std::string> AttachCommand(
      const std::string& at, const std::vector<std::string>& options = {}) const;
  Attached Attach(const std::string& at, const std::vector<std::string>& options = {}) const;
  void Detach(const std::string& path) const { Ok({"cow", "detach", path}); }
  void ExpectStoreIsSound() const { Ok({"cow", "check", store_, "--origin", origin_}); }

  // The server of the disk at `path`; it must have one.
  [[nodiscard]] pid_t ServerOf(const std::string& path) const;

  // Ends a server as a crash would, and waits until it is gone.
  static void Kill(pid_t server);
  static bool WaitForEnd(pid_t process);

  [[nodiscard]] std::vector<std::string> Mounts() const;    // paths below the directory
  [[nodiscard]] std::vector<std::string> Loops() const;     // devices on files below it
  [[nodiscard]] std::vector<pid_t> Servers() const;         // processes that serve a disk in it
  [[nodiscard]] std::vector<std::string> RunFiles() const;  // of attached disks

  void ExpectNothingIsLeft() const;

  support::TempDir dir_;
  std::string run_ = dir_ / "run";
  std::string origin_ = dir_ / "origin.img";
  std::string store_ = dir_ / "disk.cow";

 private:
  void CleanUp() const;
};

// The error that `--json` printed on stderr: its kind, and its message with its hint.
struct Complaint {
  std::string kind;
  std::string message;
};
Complaint ComplaintOf(const support::Outcome& outcome);

}  // namespace veneer::scenario
