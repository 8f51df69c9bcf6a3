// The end of the demo's story: the same template as a machine. It is booted, runs a command, is
// paused and goes on, and is forked while it runs; each step is timed, and what it claims is
// checked.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/demo/demo_state.h"
#include "app/demo/step_log.h"
#include "app/demo/template_image.h"
#include "app/interrupt_watch.h"
#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

struct MachineFacts {
  std::string acceleration;  // "kvm", "emulation"
  std::string said;          // what the first command said
  std::chrono::microseconds boot{};
  std::chrono::microseconds command{};
  std::chrono::microseconds pause{};
  std::chrono::microseconds resume{};
  std::chrono::microseconds fork{};
};

// What this host or this image lacks for it; nothing where it can be told.
std::optional<std::string> WhyNoMachine(const TemplateImage& image);

class MachineStory {
 public:
  // Keeps its state in `directory`/machines. Precondition: nothing is lacking.
  static Result<std::unique_ptr<MachineStory>> Begin(const std::filesystem::path& directory,
                                                     const TemplateImage& image,
                                                     const std::string& run, StepLog& log,
                                                     const InterruptWatch& watch);

  // To the end or to what fails; then the destructor takes away what there is.
  Result<MachineFacts> Run();

 private:
  MachineStory(const TemplateImage& image, std::unique_ptr<DemoState> state, StepLog& log,
               const InterruptWatch& watch)
      : image_(image), state_(std::move(state)), log_(log), watch_(watch) {}

  Result<std::chrono::microseconds> Step(const std::string& name, const StepLog::Action& action);
  Result<std::string> Said(const std::string& id, const std::string& script) const;
  Result<long> Counted(const std::string& id) const;
  Result<void> CountsOn(const std::string& id, long from) const;

  Result<void> Import();
  Result<void> Boot();
  Result<void> PauseAndResume();
  Result<void> Fork();
  Result<void> CompareBoth(long before) const;

  const TemplateImage& image_;
  std::unique_ptr<DemoState> state_;
  StepLog& log_;
  const InterruptWatch& watch_;
  MachineFacts facts_;
  SandboxRecord machine_;
  SandboxRecord fork_;
};

}  // namespace veneer
