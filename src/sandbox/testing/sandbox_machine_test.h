// The same with a template that boots, on models of backends and machines.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "sandbox/testing/sandbox_test.h"

namespace veneer::testing {

inline const Error kInjected{ErrorKind::kFailed, EIO, "injected", ""};
inline const Error kHeld{ErrorKind::kConflict, EBUSY, "held by pid 812", ""};
inline const MachineRecord kMachine{.memory = MiB(128), .cpus = 2, .network = "user"};

class MachineTest : public SandboxTest {
 protected:
  MachineTest() {
    const auto imported =
        Templates(host_).Import({.name = "bootable",
                                 .source = source_,
                                 .boot = BootSource{.kernel = source_, .cmdline = "quiet"}});
    EXPECT_TRUE(imported) << imported.error().what;
  }

  SandboxRecord Boot(const std::string& name, const std::string& from = "bootable") {
    const auto record =
        lifecycle_.Create({.template_reference = from, .name = name, .machine = kMachine});
    EXPECT_TRUE(record) << record.error().what;
    return record.value_or(SandboxRecord{});
  }
  // The machine counts on; yields the number.
  std::string Count(const std::string& name) {
    std::string said;
    ExecRequest request{.argv = {"count"}};
    request.output = [&](ExecStream, std::string_view text) -> Result<void> {
      said = text;
      return {};
    };
    EXPECT_TRUE(vmm_.Exec(Recorded(name).id, request));
    return said;
  }
  std::string ForkOf(const std::string& name) {
    const auto forks = lifecycle_.Fork(name, 1);
    EXPECT_TRUE(forks) << forks.error().what;
    return forks ? forks->front().id : "";
  }
  bool HasFile(const std::string& path) const { return std::filesystem::exists(path); }
};

}  // namespace veneer::testing
