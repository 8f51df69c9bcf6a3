#include "app/demo/machine_story.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "app/template_scripts.h"
#include "base/error_hint.h"
#include "kernel/linux/child_process.h"
#include "kernel/linux/wait_until.h"
#include "sandbox/templates.h"
#include "vm/qemu/machine.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kCommandPatience{60};
constexpr std::chrono::seconds kCountPatience{30};

// A process that counts on, several times a second.
constexpr const char* kCounter =
    "(n=0; while :; do n=$((n + 1)); echo $n >/run/counting; mv /run/counting /run/counted; "
    "sleep 0.05; done) >/dev/null 2>&1 &";

}  // namespace

std::optional<std::string> WhyNoMachine(const TemplateImage& image) {
  if (!image.boot) return "the template's image comes without a kernel that boots it";
  const auto qemu = PathOfProgram(kQemu, kQemuPackage);
  if (!qemu) return fmt::format("{}; {}", qemu.error().what, HintOf(qemu.error()));
  return std::nullopt;
}

Result<std::unique_ptr<MachineStory>> MachineStory::Begin(const std::filesystem::path& directory,
                                                          const TemplateImage& image,
                                                          const std::string& run, StepLog& log,
                                                          const InterruptWatch& watch) {
  auto state = VENEER_TRY(DemoState::Open(directory / "machines", run));
  return std::unique_ptr<MachineStory>(new MachineStory(image, std::move(state), log, watch));
}

Result<MachineFacts> MachineStory::Run() {
  VENEER_TRY(Import());
  VENEER_TRY(Boot());
  VENEER_TRY(PauseAndResume());
  VENEER_TRY(Fork());
  const auto destroy = [this]() -> Result<void> {
    const auto destroyed = state_->DestroyAll();
    return destroyed ? Result<void>() : Fail(destroyed.error());
  };
  VENEER_TRY(Step("destroy both machines", destroy));
  return facts_;
}

Result<std::chrono::microseconds> MachineStory::Step(const std::string& name,
                                                     const StepLog::Action& action) {
  VENEER_TRY(watch_.Check());
  VENEER_TRY(log_.Run(name, action));
  return log_.last_time();
}

Result<std::string> MachineStory::Said(const std::string& id, const std::string& script) const {
  std::string said;
  const ExecRequest request{.argv = {"sh", "-c", script},
                            .timeout = kCommandPatience,
                            .output_limit = KiB(64),
                            .output = [&](ExecStream, std::string_view text) -> Result<void> {
                              said += text;
                              return {};
                            },
                            .check = [this] { return watch_.Check(); }};
  const ExecEnd end = VENEER_TRY(state_->host().vmm.Exec(id, request));
  if (ShellStatus(end) == 0) return said.substr(0, said.find_last_not_of('\n') + 1);
  return Fail(ErrorKind::kFailed,
              fmt::format("a command in {} ended with status {}: {}", id, ShellStatus(end), said));
}

Result<long> MachineStory::Counted(const std::string& id) const {
  const std::string text = VENEER_TRY(Said(id, "cat /run/counted 2>/dev/null || echo 0"));
  long number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<void> MachineStory::CountsOn(const std::string& id, long from) const {
  Result<long> now = 0;
  WaitUntil(kCountPatience, [&] {
    now = Counted(id);
    return !now || *now > from;
  });
  if (!now) return Fail(now.error());
  if (*now > from) return {};
  return Fail(ErrorKind::kCorrupt, fmt::format("the process in {} does not go on", id));
}

Result<void> MachineStory::Import() {
  const auto import = [this]() -> Result<void> {
    VENEER_TRY(Templates(state_->host())
                   .Import({.name = "bootable", .source = image_.path, .boot = image_.boot}));
    return {};
  };
  VENEER_TRY(Step("import the template with its kernel", import));
  return {};
}

Result<void> MachineStory::Boot() {
  const auto boot = [this]() -> Result<void> {
    machine_ = VENEER_TRY(state_->lifecycle().Create(
        {.template_reference = "bootable",
         .name = "machine",
         .machine = MachineRecord{.memory = MiB(256), .network = "none"}}));
    return {};
  };
  const auto ask = [this]() -> Result<void> {
    facts_.said = VENEER_TRY(Said(machine_.id, "uname -sr"));
    return {};
  };
  const auto start = [this]() -> Result<void> {
    VENEER_TRY(Said(machine_.id, kCounter));
    return CountsOn(machine_.id, 0);
  };
  facts_.boot = VENEER_TRY(Step("boot a sandbox of it", boot));
  facts_.acceleration = machine_.machine->acceleration;
  facts_.command = VENEER_TRY(Step("run a command in it", ask));
  VENEER_TRY(Step("start a process in it that counts", start));
  return {};
}

Result<void> MachineStory::PauseAndResume() {
  const long before = VENEER_TRY(Counted(machine_.id));
  const auto pause = [this]() -> Result<void> {
    VENEER_TRY(state_->lifecycle().Pause(machine_.id));
    return {};
  };
  const auto resume = [this]() -> Result<void> {
    machine_ = VENEER_TRY(state_->lifecycle().Resume(machine_.id));
    return {};
  };
  facts_.pause = VENEER_TRY(Step("pause it, with its memory", pause));
  facts_.resume = VENEER_TRY(Step("resume it", resume));
  VENEER_TRY(Step("find its process counting on",
                  [this, before] { return CountsOn(machine_.id, before); }));
  return {};
}

Result<void> MachineStory::Fork() {
  const long before = VENEER_TRY(Counted(machine_.id));
  const auto fork = [this]() -> Result<void> {
    fork_ = VENEER_TRY(state_->lifecycle().Fork(machine_.id, 1)).front();
    return {};
  };
  facts_.fork = VENEER_TRY(Step("fork it while it runs", fork));
  VENEER_TRY(Step("find the process in both, and two host names",
                  [this, before] { return CompareBoth(before); }));
  return {};
}

Result<void> MachineStory::CompareBoth(long before) const {
  VENEER_TRY(CountsOn(machine_.id, before));
  VENEER_TRY(CountsOn(fork_.id, before));
  const std::string ask = "cat /proc/sys/kernel/hostname";
  const std::string first = VENEER_TRY(Said(machine_.id, ask));
  const std::string second = VENEER_TRY(Said(fork_.id, ask));
  if (first != second) return {};
  return Fail(ErrorKind::kCorrupt, fmt::format("both machines are called {}", first));
}

}  // namespace veneer
