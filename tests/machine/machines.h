// Sandboxes with machines, for tests: each starts in a moment from a snapshot with its memory.
//
// The state directory is a test's own; its templates are the cached ones by hard links. A test that
// leaves a process, a mount or a file behind fails.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {

class MachinesTest : public SandboxesTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A running machine of the snapshot.
  json Boot(const std::string& name) const;

  // `veneer exec NAME OPTION… -- COMMAND…`
  [[nodiscard]] support::Outcome Exec(const std::string& name,
                                      const std::vector<std::string>& command,
                                      const std::vector<std::string>& options = {}) const;
  // What a shell script in it says; it must succeed.
  std::string Said(const std::string& name, const std::string& script) const;

  // The processes that run and keep machines.
  [[nodiscard]] std::vector<pid_t> Machines() const { return Processes("veneer-sb-"); }
  [[nodiscard]] std::vector<pid_t> Keepers() const { return Processes("keep"); }

  // Kills the one machine that runs; returns when its keeper has seen that, and ended.
  bool KillMachine() const;

  // A process in the machine that counts on several times a second, and how far it has come.
  void StartCounter(const std::string& name) const;
  [[nodiscard]] long Counted(const std::string& name) const;

 private:
  void LinkTemplates(const std::filesystem::path& cached) const;
  void CopyTemplates(const std::filesystem::path& cached) const;
};

}  // namespace veneer::lifecycle
