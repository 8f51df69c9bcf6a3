// The story that the demo tells, in the order of its steps; each step is timed, and what it claims
// is checked.
//
// One sandbox of the template is filled with real files, paused, flattened, resumed, forked while
// it runs, and made a template of; all of it with the verbs that the commands use.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/demo/demo_state.h"
#include "app/demo/disk_mount.h"
#include "app/demo/machine_files.h"
#include "app/demo/step_log.h"
#include "app/demo/template_image.h"
#include "app/interrupt_watch.h"
#include "base/result.h"
#include "catalog/records.h"
#include "cow/clone.h"
#include "cow/flatten.h"

namespace veneer {

// What there is to tell of a story that has come to its end.
struct DemoFacts {
  std::string backend;
  // How a store is cloned on this file system.
  CloneMethod clones = CloneMethod::kCopy;
  CopiedFiles written;
  FlattenReport flattened;
  std::chrono::microseconds flatten_time{};
  std::chrono::microseconds fork_time{};  // of all forks
  std::chrono::duration<double, std::milli> fork_held{};
  std::chrono::duration<double, std::milli> snapshot_held{};
  std::string template_digest;
};

class DemoStory {
 public:
  static constexpr unsigned kForks = 10;

  // Works in `directory`, keeps its state in `directory`/state.
  static Result<std::unique_ptr<DemoStory>> Begin(const std::filesystem::path& directory,
                                                  std::string image, const std::string& run,
                                                  StepLog& log, const InterruptWatch& watch);

  // To the end or to what fails; then the destructor takes away what there is.
  Result<DemoFacts> Run();

 private:
  DemoStory(std::filesystem::path directory, std::string image, std::unique_ptr<DemoState> state,
            StepLog& log, const InterruptWatch& watch);

  Result<void> Step(const std::string& name, const StepLog::Action& action);
  Result<void> StepOn(const std::string& name, SandboxRecord& sandbox,
                      const std::function<Result<SandboxRecord>(Lifecycle&)>& verb);

  Result<void> MakeSandbox();
  Result<void> WriteAndPause();
  Result<void> Merge();
  Result<void> ComeBack();
  Result<void> ForkIt();
  Result<void> UseForks();
  Result<void> TakeASnapshot();
  Result<void> UseTheSnapshot();
  Result<void> End();

  Result<void> ImportTemplate();
  Result<void> MountIt(std::optional<DiskMount>& mount, const SandboxRecord& sandbox,
                       const std::string& name) const;
  Result<void> WriteFiles();
  Result<void> CheckStoreIsClean() const;
  Result<void> FlattenStore();
  Result<void> CompareWithImage() const;
  Result<void> ReadBack(const DiskMount& mount) const;
  Result<void> MountForks();
  Result<void> ReadForks() const;
  Result<void> WriteIntoAFork() const;
  Result<void> ProveIsolation() const;
  Result<void> UnmountAll();
  Result<void> DestroyAll();
  Result<void> ProveTheTemplateUnchanged() const;

  [[nodiscard]] std::filesystem::path Manifest() const { return directory_ / "files.sha256"; }
  [[nodiscard]] std::string Flat() const { return directory_ / "flat.img"; }

  std::filesystem::path directory_;
  std::string image_;
  StepLog& log_;
  const InterruptWatch& watch_;
  DemoFacts facts_;
  TemplateRecord template_;
  SandboxRecord first_;
  std::vector<SandboxRecord> forks_;
  SandboxRecord second_;  // of the snapshot
  TemplateRecord snapshot_;
  // Mounts go before the disks that they are on.
  std::unique_ptr<DemoState> state_;
  std::optional<DiskMount> first_mount_;
  std::vector<DiskMount> fork_mounts_;
  std::optional<DiskMount> second_mount_;
};

}  // namespace veneer
