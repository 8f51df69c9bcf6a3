// Commands about templates and sandboxes: what each does once it is parsed.
//
// Those that change things end first what killed commands have left. All block as the verbs of
// src/sandbox do; each yields the exit status, or the error to report.
#pragma once

#include <optional>
#include <string>

#include "app/global_options.h"
#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

inline constexpr const char* kDefaultReserve = "5%";

// A machine of a sandbox that is booted.
struct MachineArguments {
  std::string memory = "256M";
  unsigned cpus = 1;
  std::string network = "none";
};
Result<MachineRecord> MachineOf(const MachineArguments& arguments);

struct TemplateImportArguments {
  std::string name;
  std::string image;
  std::optional<std::string> size;
  std::string kernel;  // nothing boots where empty
  std::string initrd;
  std::string cmdline;
  std::string reserve = kDefaultReserve;
};
Result<int> TemplateImport(const GlobalOptions& options, const TemplateImportArguments& arguments);
Result<int> TemplateList(const GlobalOptions& options);
Result<int> TemplateShow(const GlobalOptions& options, const std::string& reference);
Result<int> TemplateRemove(const GlobalOptions& options, const std::string& reference);

struct SnapshotCreateArguments {
  std::string sandbox;
  std::string name;
  std::string reserve = kDefaultReserve;
};
Result<int> SnapshotCreate(const GlobalOptions& options, const SnapshotCreateArguments& arguments);
Result<int> SnapshotList(const GlobalOptions& options);
// kNotFound for a template that is no snapshot.
Result<int> SnapshotRemove(const GlobalOptions& options, const std::string& reference);

struct CreateArguments {
  std::string template_reference;
  std::string name;
  std::optional<std::string> size;
  std::string backend = "auto";
  std::string export_way = "fuse";
  bool boot = false;
  MachineArguments machine;
  std::string reserve = kDefaultReserve;
};
Result<int> SandboxCreate(const GlobalOptions& options, const CreateArguments& arguments);
Result<int> SandboxList(const GlobalOptions& options);
Result<int> SandboxShow(const GlobalOptions& options, const std::string& reference);
Result<int> SandboxPause(const GlobalOptions& options, const std::string& reference);

struct ResumeArguments {
  std::string sandbox;
  std::optional<std::string> backend;
};
Result<int> SandboxResume(const GlobalOptions& options, const ResumeArguments& arguments);

struct DestroyArguments {
  std::string sandbox;
  bool force = false;
};
Result<int> SandboxDestroy(const GlobalOptions& options, const DestroyArguments& arguments);

struct ForkArguments {
  std::string sandbox;
  unsigned count = 1;
  std::string reserve = kDefaultReserve;
};
Result<int> SandboxFork(const GlobalOptions& options, const ForkArguments& arguments);

// Exit status 4 where something could not be ended yet.
Result<int> RunRecover(const GlobalOptions& options);

}  // namespace veneer
