#include "app/demo/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "app/demo/machine_files.h"
#include "app/demo/sandbox_disk.h"
#include "app/demo/step_log.h"
#include "app/demo/template_image.h"
#include "app/demo/work_directory.h"
#include "app/interrupt_watch.h"
#include "app/output.h"
#include "app/program.h"
#include "base/size_text.h"
#include "cow/check.h"
#include "cow/flatten.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kRealFiles{210'000'000};  // "at least 200 MB"
constexpr Bytes kRoomNeeded = GiB(4);     // the template, two stores, and dd's full copy
constexpr std::string_view kNote = "This was written in the second sandbox only.\n";

std::string ContentsOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<Bytes> OnDisk(const std::string& path) {
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  return file->AllocatedBytes();
}

Result<void> CheckIsClean(const SandboxDisk& disk) {
  const auto store = VENEER_TRY(LinuxFile::Open(disk.store(), Access::kReadOnly));
  std::string first;
  const CheckReport report =
      VENEER_TRY(CheckStore(*store, std::nullopt, [&first](const Fault& fault) {
        if (first.empty()) first = fault.message;
      }));
  if (report.faults == 0) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("{} has {} faults: {}", disk.store(), report.faults, first));
}

// The story, in the order of its steps.
class Demo {
 public:
  Demo(const WorkDirectory& work, TemplateImage image, const std::string& run, StepLog& log,
       const InterruptWatch& watch)
      : work_(&work),
        image_(std::move(image)),
        log_(&log),
        watch_(&watch),
        first_(work.run(), "first", image_.path, run),
        second_(work.run(), "second", image_.path, run),
        flat_(work.run() / "flat.img") {}

  Result<void> Run() {
    VENEER_TRY(Prepare());
    VENEER_TRY(WorkInBoth());
    VENEER_TRY(ComeBack());
    VENEER_TRY(Merge());
    VENEER_TRY(CompareWithTheDevice());
    return ProveTheTemplateUnchanged();
  }

  [[nodiscard]] std::string Text() const;
  [[nodiscard]] nlohmann::ordered_json Json() const;

 private:
  Result<void> Step(const std::string& name, const StepLog::Action& action) {
    VENEER_TRY(watch_->Check());
    return log_->Run(name, action);
  }
  Result<void> StepOnBoth(const std::string& name, Result<void> (SandboxDisk::*verb)()) {
    return Step(name, [this, verb]() -> Result<void> {
      VENEER_TRY((first_.*verb)());
      return (second_.*verb)();
    });
  }
  Result<void> AttachBoth(const std::string& name);
  Result<void> Prepare();
  Result<void> TakeDigest();
  Result<void> WorkInBoth();
  Result<void> WriteIntoTheFirst();
  Result<void> WriteIntoTheSecond() const;
  Result<void> ProveIsolation() const;
  Result<void> ComeBack();
  Result<void> ReadBack() const;
  Result<void> Merge();
  Result<void> Flat();
  Result<void> CompareWithTheDevice();
  Result<void> CopyTheDevice() const;
  Result<void> Compare() const;
  Result<void> ProveTheTemplateUnchanged();

  [[nodiscard]] fs::path Manifest() const { return work_->run() / "files.sha256"; }
  [[nodiscard]] fs::path Copy() const { return work_->run() / "dd.img"; }
  [[nodiscard]] double Ratio() const {
    return static_cast<double>(dd_time_.count()) / static_cast<double>(flatten_time_.count());
  }

  const WorkDirectory* work_;
  TemplateImage image_;
  StepLog* log_;
  const InterruptWatch* watch_;
  SandboxDisk first_;
  SandboxDisk second_;
  fs::path flat_;
  std::string digest_;
  CopiedFiles written_;
  FlattenReport flattened_;
  std::chrono::microseconds flatten_time_{1};
  std::chrono::microseconds dd_time_{0};
};

Result<void> Demo::AttachBoth(const std::string& name) {
  return Step(name, [this]() -> Result<void> {
    VENEER_TRY(first_.Attach(DiskAccess::kReadWrite));
    return second_.Attach(DiskAccess::kReadWrite);
  });
}

Result<void> Demo::Prepare() {
  VENEER_TRY(Step("digest of the template", [this] { return TakeDigest(); }));
  log_->NoteOnDisk(VENEER_TRY(OnDisk(image_.path)));
  VENEER_TRY(StepOnBoth("create two sandbox disks", &SandboxDisk::Create));
  const Bytes first = VENEER_TRY(first_.OnDisk());
  const Bytes second = VENEER_TRY(second_.OnDisk());
  log_->NoteOnDisk(first + second);
  return {};
}

Result<void> Demo::TakeDigest() {
  digest_ = VENEER_TRY(Digest(image_.path, *watch_));
  return {};
}

Result<void> Demo::WorkInBoth() {
  VENEER_TRY(AttachBoth("attach both as block devices"));
  VENEER_TRY(StepOnBoth("mount both (ext4)", &SandboxDisk::Mount));
  VENEER_TRY(
      Step("write 210 MB of real files into the first", [this] { return WriteIntoTheFirst(); }));
  log_->NoteOnDisk(VENEER_TRY(first_.OnDisk()));
  VENEER_TRY(Step("write a note into the second", [this] { return WriteIntoTheSecond(); }));
  log_->NoteOnDisk(VENEER_TRY(second_.OnDisk()));
  VENEER_TRY(
      Step("prove that neither sees the other's files", [this] { return ProveIsolation(); }));
  VENEER_TRY(StepOnBoth("unmount both", &SandboxDisk::Unmount));
  VENEER_TRY(StepOnBoth("detach both", &SandboxDisk::Detach));
  return Step("checksums of what was written, from its sources",
              [this] { return WriteManifest(written_, Manifest(), *watch_); });
}

Result<void> Demo::WriteIntoTheFirst() {
  written_ = VENEER_TRY(CopyMachineFiles(first_.mount_point() / "files", kRealFiles, *watch_));
  return {};
}

Result<void> Demo::WriteIntoTheSecond() const {
  std::ofstream note(second_.mount_point() / "note.txt", std::ios::binary);
  note << kNote;
  if (!note.flush()) return Fail(ErrorKind::kFailed, "the note could not be written");
  return {};
}

Result<void> Demo::ProveIsolation() const {
  if (fs::exists(first_.mount_point() / "note.txt") ||
      fs::exists(second_.mount_point() / "files")) {
    return Fail(ErrorKind::kCorrupt, "a file of one sandbox is in the other");
  }
  return {};
}

Result<void> Demo::ComeBack() {
  VENEER_TRY(AttachBoth("attach both again"));
  VENEER_TRY(StepOnBoth("mount both again", &SandboxDisk::Mount));
  VENEER_TRY(Step("read everything back, compare checksums", [this] { return ReadBack(); }));
  VENEER_TRY(StepOnBoth("unmount both again", &SandboxDisk::Unmount));
  return StepOnBoth("detach both again", &SandboxDisk::Detach);
}

Result<void> Demo::ReadBack() const {
  VENEER_TRY(VerifyManifest(first_.mount_point() / "files", Manifest(), *watch_));
  if (ContentsOf(second_.mount_point() / "note.txt") != kNote) {
    return Fail(ErrorKind::kCorrupt, "the note in the second sandbox is not what was written");
  }
  return ProveIsolation();
}

Result<void> Demo::Merge() {
  VENEER_TRY(Step("check the first store", [this] { return CheckIsClean(first_); }));
  VENEER_TRY(Step("check the second store", [this] { return CheckIsClean(second_); }));
  VENEER_TRY(Step("flatten the first", [this] { return Flat(); }));
  flatten_time_ = log_->last_time();
  log_->NoteOnDisk(VENEER_TRY(OnDisk(flat_)));
  return Step("e2fsck -fn of the merged image", [this]() -> Result<void> {
    VENEER_TRY(RunOrFail({"e2fsck", "-fn", flat_}, *watch_));
    return {};
  });
}

Result<void> Demo::Flat() {
  const auto origin = VENEER_TRY(LinuxFile::Open(image_.path, Access::kReadOnly));
  const auto store = VENEER_TRY(LinuxFile::Open(first_.store(), Access::kReadOnly));
  VENEER_TRY(store->TryLock(LinuxFile::Lock::kShared));
  flattened_ = VENEER_TRY(Flatten(*origin, *store, flat_, {}));
  return {};
}

Result<void> Demo::CompareWithTheDevice() {
  VENEER_TRY(
      Step("attach the first, read-only", [this] { return first_.Attach(DiskAccess::kReadOnly); }));
  VENEER_TRY(Step("dd of the attached device, for comparison", [this] { return CopyTheDevice(); }));
  dd_time_ = log_->last_time();
  log_->NoteOnDisk(VENEER_TRY(OnDisk(Copy())));
  std::error_code ignored;  // it goes with the directory at the latest
  fs::remove(Copy(), ignored);
  VENEER_TRY(Step("compare merged image and device, byte for byte", [this] { return Compare(); }));
  return Step("detach the first", [this] { return first_.Detach(); });
}

Result<void> Demo::CopyTheDevice() const {
  // fsync, because flatten's output is durable too.
  VENEER_TRY(RunOrFail({"dd", "if=" + first_.device(), "of=" + Copy().native(), "bs=1M",
                        "conv=fsync", "status=none"},
                       *watch_));
  return {};
}

Result<void> Demo::Compare() const {
  VENEER_TRY(RunOrFail({"cmp", "--", flat_, first_.device()}, *watch_));
  return {};
}

Result<void> Demo::ProveTheTemplateUnchanged() {
  return Step("digest of the template again", [this]() -> Result<void> {
    const std::string now = VENEER_TRY(Digest(image_.path, *watch_));
    if (now == digest_) return {};
    return Fail(ErrorKind::kCorrupt, "the template has changed");
  });
}

std::string Demo::Text() const {
  return fmt::format(
      "\nTemplate: {}\n\n{}\n"
      "Flatten of {} changed in {} runs took {}, dd of the device {}: {:.1f} times as long.\n"
      "Both read back what was written; neither saw the other's files; the template is unchanged;\n"
      "the merged image passes e2fsck and equals the attached disk byte for byte.\n",
      image_.source, RenderSteps(log_->steps()), FormatSize(flattened_.changed), flattened_.runs,
      RenderDuration(flatten_time_), RenderDuration(dd_time_), Ratio());
}

nlohmann::ordered_json Demo::Json() const {
  nlohmann::ordered_json flatten;
  flatten["method"] = flattened_.method == FlattenMethod::kReflink ? "reflink" : "copy";
  flatten["changed_bytes"] = flattened_.changed.value();
  flatten["runs"] = flattened_.runs;
  flatten["ms"] = static_cast<double>(flatten_time_.count()) / 1000;
  flatten["dd_ms"] = static_cast<double>(dd_time_.count()) / 1000;
  flatten["dd_over_flatten"] = Ratio();
  nlohmann::ordered_json json;
  json["template"] = image_.source;
  json["template_sha256"] = digest_;
  json["bytes_written"] = written_.bytes.value();
  json["files_written"] = written_.files.size();
  json["steps"] = StepsJson(log_->steps());
  json["flatten"] = std::move(flatten);
  return json;
}

Result<TemplateImage> TemplateFor(const DemoArguments& arguments, const WorkDirectory& work,
                                  StepLog& log, const InterruptWatch& watch) {
  if (!arguments.template_image) return ObtainTemplate(work.lasting(), log, watch);
  VENEER_TRY(LinuxFile::Open(*arguments.template_image, Access::kReadOnly));
  return TemplateImage{fs::absolute(*arguments.template_image), *arguments.template_image};
}

}  // namespace

Result<int> RunDemo(const GlobalOptions& options, const DemoArguments& arguments) {
  if (::geteuid() != 0) {
    return Fail(ErrorKind::kUnsupported, "the demo mounts file systems, and needs root for that",
                "run it as root");
  }
  const auto watch = VENEER_TRY(InterruptWatch::Install());
  WorkDirectory work = VENEER_TRY(WorkDirectory::Make(arguments.work));
  const Bytes room = VENEER_TRY(work.Available());
  if (room < kRoomNeeded) {
    return Fail(ErrorKind::kNoSpace,
                fmt::format("{} has {} free, the demo needs {}", work.run().string(),
                            FormatSize(room), FormatSize(kRoomNeeded)),
                "name a larger place with --work DIR");
  }
  StepLog log;
  TemplateImage image = VENEER_TRY(TemplateFor(arguments, work, log, *watch));
  Demo demo(work, std::move(image), options.run, log, *watch);
  VENEER_TRY(demo.Run());
  if (arguments.keep) work.Keep();
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(demo.Json()));
  } else {
    VENEER_TRY(Print(demo.Text()));
    if (arguments.keep) VENEER_TRY(Print(fmt::format("Kept: {}\n", work.run().string())));
  }
  return 0;
}

}  // namespace veneer
