// Commands about what runs in a sandbox's machine: exec, run, logs; and the machine's keeper.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/global_options.h"
#include "app/sandbox_commands.h"
#include "base/result.h"

namespace veneer {

struct ExecArguments {
  std::string sandbox;
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::string directory;
  std::string user;
  std::optional<double> timeout;  // seconds
  std::optional<std::string> output_limit;
  bool input = false;
};
// The command's exit status; 128 + n where signal n ended it; 124 where its time was over; 130
// where this one was interrupted, which ends the command too.
Result<int> SandboxExec(const GlobalOptions& options, const ExecArguments& arguments);

struct RunArguments {
  MachineArguments machine;
  ExecArguments exec;  // `sandbox` is the template
};
// A new sandbox of the template, the command in it, and its end, however that goes.
Result<int> TemplateRun(const GlobalOptions& options, const RunArguments& arguments);

struct LogsArguments {
  std::string sandbox;
  bool follow = false;
};
Result<int> SandboxLogs(const GlobalOptions& options, const LogsArguments& arguments);

struct KeepArguments {
  std::string directory;
  int ready_fd = -1;
};
// The keeper of a machine; what booting one starts.
Result<int> MachineKeep(const GlobalOptions& options, const KeepArguments& arguments);

}  // namespace veneer
