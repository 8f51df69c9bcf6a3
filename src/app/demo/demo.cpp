#include "app/demo/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "app/demo/demo_story.h"
#include "app/demo/machine_story.h"
#include "app/demo/step_log.h"
#include "app/demo/template_image.h"
#include "app/interrupt_watch.h"
#include "app/output.h"
#include "app/work_directory.h"
#include "base/size_text.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

// Where clones are copies: the template and what it is made of, twelve stores, two images.
constexpr Bytes kRoomNeeded = GiB(6);

double MillisecondsOf(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

// What came of the machine: its facts, or why there was none.
using MachineEnd = std::variant<MachineFacts, std::string>;

std::string RenderMachine(const MachineEnd& end) {
  if (const auto* why = std::get_if<std::string>(&end)) {
    return fmt::format("\nNo machine was booted: {}.\n", *why);
  }
  const auto& facts = std::get<MachineFacts>(end);
  return fmt::format(
      "\nAs a machine ({}, {}) it booted in {}, paused in {} and came back in {} with its process\n"
      "counting on; a fork of it, running, took {}.\n",
      facts.said, facts.acceleration, RenderDuration(facts.boot), RenderDuration(facts.pause),
      RenderDuration(facts.resume), RenderDuration(facts.fork));
}

nlohmann::ordered_json MachineJson(const MachineEnd& end) {
  if (const auto* why = std::get_if<std::string>(&end)) return {{"skipped", *why}};
  const auto& facts = std::get<MachineFacts>(end);
  return {{"acceleration", facts.acceleration},      {"said", facts.said},
          {"boot_ms", MillisecondsOf(facts.boot)},   {"command_ms", MillisecondsOf(facts.command)},
          {"pause_ms", MillisecondsOf(facts.pause)}, {"resume_ms", MillisecondsOf(facts.resume)},
          {"fork_ms", MillisecondsOf(facts.fork)}};
}

std::string RenderText(const TemplateImage& image, const DemoFacts& facts, const StepLog& log) {
  const bool shares = facts.clones == CloneMethod::kReflink;
  return fmt::format(
      "\nTemplate: {}\nBackend: {}\n\n{}\n"
      "Flatten of {} changed in {} runs took {}; {} forks took {}, {} each.\n"
      "The running sandbox was held {:.1f} ms for the forks, and {:.1f} ms for the snapshot.\n"
      "{}\n"
      "The sandbox, its forks and its snapshot have what was written; what one fork wrote is in\n"
      "no other; the flattened image passes e2fsck and reads as the disk does; the template is\n"
      "unchanged.\n",
      image.source, facts.backend, RenderSteps(log.steps()), FormatSize(facts.flattened.changed),
      facts.flattened.runs, RenderDuration(facts.flatten_time), DemoStory::kForks,
      RenderDuration(facts.fork_time), RenderDuration(facts.fork_time / DemoStory::kForks),
      facts.fork_held.count(), facts.snapshot_held.count(),
      shares ? "Files share blocks here: USED counts a shared block in each of them."
             : "This file system cannot share blocks: forks and images are copies. XFS and Btrfs "
               "can.");
}

nlohmann::ordered_json RenderFacts(const TemplateImage& image, const DemoFacts& facts,
                                   const StepLog& log) {
  nlohmann::ordered_json flatten;
  flatten["method"] = facts.flattened.method == FlattenMethod::kReflink ? "reflink" : "copy";
  flatten["changed_bytes"] = facts.flattened.changed.value();
  flatten["runs"] = facts.flattened.runs;
  flatten["ms"] = MillisecondsOf(facts.flatten_time);
  nlohmann::ordered_json fork;
  fork["method"] = facts.clones == CloneMethod::kReflink ? "reflink" : "copy";
  fork["count"] = DemoStory::kForks;
  fork["ms"] = MillisecondsOf(facts.fork_time);
  fork["held_ms"] = facts.fork_held.count();
  nlohmann::ordered_json json;
  json["template"] = image.source;
  json["template_digest"] = facts.template_digest;
  json["backend"] = facts.backend;
  json["bytes_written"] = facts.written.bytes.value();
  json["files_written"] = facts.written.files.size();
  json["steps"] = StepsJson(log.steps());
  json["flatten"] = std::move(flatten);
  json["fork"] = std::move(fork);
  json["snapshot"] = {{"held_ms", facts.snapshot_held.count()}};
  return json;
}

Result<TemplateImage> TemplateFor(const DemoArguments& arguments, const WorkDirectory& work,
                                  StepLog& log, const InterruptWatch& watch) {
  if (!arguments.template_image) return ObtainTemplate(work.lasting(), log, watch);
  VENEER_TRY(LinuxFile::Open(*arguments.template_image, Access::kReadOnly));
  return TemplateImage{std::filesystem::absolute(*arguments.template_image),
                       *arguments.template_image};
}

Result<void> RequireRoom(const WorkDirectory& work) {
  const Bytes room = VENEER_TRY(work.Available());
  if (room >= kRoomNeeded) return {};
  return Fail(ErrorKind::kNoSpace,
              fmt::format("{} has {} free, the demo needs {}", work.run().string(),
                          FormatSize(room), FormatSize(kRoomNeeded)),
              "name a larger place with --work DIR");
}

// All that it made is gone when it returns, but for what lies in the work directory.
Result<DemoFacts> Tell(const WorkDirectory& work, const TemplateImage& image,
                       const GlobalOptions& options, StepLog& log, const InterruptWatch& watch) {
  const auto story = VENEER_TRY(DemoStory::Begin(work.run(), image.path, options.run, log, watch));
  return story->Run();
}

// The same for the machine, or why there is none.
Result<MachineEnd> TellOfTheMachine(const WorkDirectory& work, const TemplateImage& image,
                                    const GlobalOptions& options, StepLog& log,
                                    const InterruptWatch& watch) {
  if (auto why = WhyNoMachine(image)) return *std::move(why);
  const auto story = VENEER_TRY(MachineStory::Begin(work.run(), image, options.run, log, watch));
  return VENEER_TRY(story->Run());
}

}  // namespace

Result<int> RunDemo(const GlobalOptions& options, const DemoArguments& arguments) {
  if (::geteuid() != 0) {
    return Fail(ErrorKind::kUnsupported, "the demo mounts file systems, and needs root for that",
                "run it as root");
  }
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  WorkDirectory work = VENEER_TRY(WorkDirectory::Make(arguments.work));
  VENEER_TRY(RequireRoom(work));
  StepLog log;
  const TemplateImage image = VENEER_TRY(TemplateFor(arguments, work, log, *watch));
  const DemoFacts facts = VENEER_TRY(Tell(work, image, options, log, *watch));
  const MachineEnd machine = VENEER_TRY(TellOfTheMachine(work, image, options, log, *watch));
  if (arguments.keep) work.Keep();
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json = RenderFacts(image, facts, log);
    json["machine"] = MachineJson(machine);
    VENEER_TRY(PrintJson(json));
    return 0;
  }
  VENEER_TRY(Print(RenderText(image, facts, log) + RenderMachine(machine)));
  if (arguments.keep) {
    const std::string kept = work.run();
    VENEER_TRY(Print(fmt::format("Kept: {0}; try 'veneer --root {0}/state template ls'\n", kept)));
  }
  return 0;
}

}  // namespace veneer
