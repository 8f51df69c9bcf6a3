#include "app/demo/demo_story.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "app/program.h"
#include "cow/check.h"
#include "cow/digest.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/snapshot.h"
#include "sandbox/templates.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kRealFiles{210'000'000};  // "at least 200 MB"
constexpr unsigned kSandboxes = DemoStory::kForks + 2;
constexpr std::string_view kNote = "note.txt";
constexpr std::string_view kFromTheFirst = "This was written before the forks were made.\n";
constexpr std::string_view kFromAFork = "This was written in one fork only.\n";

std::string ContentsOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<void> WriteNote(const fs::path& directory, std::string_view text) {
  std::ofstream note(directory / kNote, std::ios::binary);
  note << text;
  if (!note.flush()) return Fail(ErrorKind::kFailed, "the note could not be written");
  return {};
}

Result<void> ExpectNote(const DiskMount& mount, std::string_view text) {
  if (ContentsOf(mount.path() / kNote) == text) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("{} is not what was written", (mount.path() / kNote).string()));
}

Result<std::string> DigestOfFile(const std::string& path) {
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  return DigestOf(*file);
}

}  // namespace

Result<std::unique_ptr<DemoStory>> DemoStory::Begin(const fs::path& directory, std::string image,
                                                    const std::string& run, StepLog& log,
                                                    const InterruptWatch& watch) {
  auto state = VENEER_TRY(DemoState::Open(directory / "state", run));
  return std::unique_ptr<DemoStory>(
      new DemoStory(directory, std::move(image), std::move(state), log, watch));
}

DemoStory::DemoStory(fs::path directory, std::string image, std::unique_ptr<DemoState> state,
                     StepLog& log, const InterruptWatch& watch)
    : directory_(std::move(directory)),
      image_(std::move(image)),
      log_(log),
      watch_(watch),
      state_(std::move(state)) {}

Result<DemoFacts> DemoStory::Run() {
  VENEER_TRY(MakeSandbox());
  VENEER_TRY(WriteAndPause());
  VENEER_TRY(Merge());
  VENEER_TRY(ComeBack());
  VENEER_TRY(ForkIt());
  VENEER_TRY(UseForks());
  VENEER_TRY(TakeASnapshot());
  VENEER_TRY(UseTheSnapshot());
  VENEER_TRY(End());
  return facts_;
}

Result<void> DemoStory::Step(const std::string& name, const StepLog::Action& action) {
  VENEER_TRY(watch_.Check());
  return log_.Run(name, action);
}

Result<void> DemoStory::StepOn(const std::string& name, SandboxRecord& sandbox,
                               const std::function<Result<SandboxRecord>(Lifecycle&)>& verb) {
  const StepLog::Action act = [&]() -> Result<void> {
    Lifecycle lifecycle = state_->lifecycle();
    sandbox = VENEER_TRY(verb(lifecycle));
    return {};
  };
  VENEER_TRY(Step(name, act));
  log_.Note(VENEER_TRY(state_->FootprintOf(std::vector{sandbox})));
  return {};
}

Result<void> DemoStory::MakeSandbox() {
  VENEER_TRY(Step("import the template", [this] { return ImportTemplate(); }));
  log_.Note(VENEER_TRY(state_->FootprintOf(template_)));
  VENEER_TRY(StepOn("create a sandbox", first_, [this](Lifecycle& lifecycle) {
    return lifecycle.Create({.template_reference = template_.name, .name = "first"});
  }));
  facts_.backend = first_.backend;
  return {};
}

Result<void> DemoStory::ImportTemplate() {
  template_ = VENEER_TRY(Templates(state_->host()).Import({.name = "template", .source = image_}));
  facts_.template_digest = template_.digest;
  return {};
}

Result<void> DemoStory::MountIt(std::optional<DiskMount>& mount, const SandboxRecord& sandbox,
                                const std::string& name) const {
  mount.emplace(VENEER_TRY(DiskMount::Mount(sandbox.path.value_or(""), directory_ / name)));
  return {};
}

Result<void> DemoStory::WriteAndPause() {
  VENEER_TRY(
      Step("mount its disk (ext4)", [this] { return MountIt(first_mount_, first_, "first.mnt"); }));
  VENEER_TRY(Step("write 210 MB of real files into it", [this] { return WriteFiles(); }));
  log_.Note(VENEER_TRY(state_->FootprintOf(std::vector{first_})));
  VENEER_TRY(Step("checksums of what was written, from its sources",
                  [this] { return WriteManifest(facts_.written, Manifest(), watch_); }));
  VENEER_TRY(Step("unmount it", [this] { return first_mount_->Unmount(); }));
  return StepOn("pause the sandbox", first_,
                [this](Lifecycle& lifecycle) { return lifecycle.Pause(first_.id); });
}

Result<void> DemoStory::WriteFiles() {
  VENEER_TRY(WriteNote(first_mount_->path(), kFromTheFirst));
  // Syncs the file system when it is done, the note with it.
  facts_.written = VENEER_TRY(CopyMachineFiles(first_mount_->path() / "files", kRealFiles, watch_));
  return {};
}

Result<void> DemoStory::Merge() {
  VENEER_TRY(Step("check its store", [this] { return CheckStoreIsClean(); }));
  VENEER_TRY(Step("flatten it into an image", [this] { return FlattenStore(); }));
  facts_.flatten_time = log_.last_time();
  const auto flat = VENEER_TRY(LinuxFile::Open(Flat(), Access::kReadOnly));
  log_.Note({.used = VENEER_TRY(flat->AllocatedBytes())});
  return Step("e2fsck -fn of that image", [this]() -> Result<void> {
    VENEER_TRY(RunOrFail({"e2fsck", "-fn", Flat()}, watch_));
    return {};
  });
}

Result<void> DemoStory::CheckStoreIsClean() const {
  const std::string path = state_->layout().Store(first_.id);
  const auto store = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  std::string first;
  const CheckReport report =
      VENEER_TRY(CheckStore(*store, template_.image.size, [&first](const Fault& fault) {
        if (first.empty()) first = fault.message;
      }));
  if (report.faults == 0) return {};
  return Fail(ErrorKind::kCorrupt, fmt::format("{} has {} faults: {}", path, report.faults, first));
}

Result<void> DemoStory::FlattenStore() {
  const Layout& layout = state_->layout();
  const auto origin = VENEER_TRY(LinuxFile::Open(layout.Image(template_.id), Access::kReadOnly));
  const auto store = VENEER_TRY(LinuxFile::Open(layout.Store(first_.id), Access::kReadOnly));
  VENEER_TRY(store->TryLock(LinuxFile::Lock::kShared));
  facts_.flattened = VENEER_TRY(Flatten(*origin, *store, Flat(), {}));
  return {};
}

Result<void> DemoStory::ComeBack() {
  VENEER_TRY(StepOn("resume the sandbox", first_,
                    [this](Lifecycle& lifecycle) { return lifecycle.Resume(first_.id); }));
  VENEER_TRY(Step("compare its disk with the flattened image, by digests",
                  [this] { return CompareWithImage(); }));
  VENEER_TRY(
      Step("mount its disk again", [this] { return MountIt(first_mount_, first_, "first.mnt"); }));
  return Step("read everything back, compare checksums",
              [this] { return ReadBack(*first_mount_); });
}

Result<void> DemoStory::CompareWithImage() const {
  const std::string flat = VENEER_TRY(DigestOfFile(Flat()));
  const std::string disk = VENEER_TRY(DigestOfFile(first_.path.value_or("")));
  if (flat == disk) return {};
  return Fail(ErrorKind::kCorrupt, "the flattened image does not read as the disk does");
}

Result<void> DemoStory::ReadBack(const DiskMount& mount) const {
  VENEER_TRY(ExpectNote(mount, kFromTheFirst));
  return VerifyManifest(mount.path() / "files", Manifest(), watch_);
}

Result<void> DemoStory::ForkIt() {
  if (TrySharing(state_->layout().sandboxes())) facts_.clones = CloneMethod::kReflink;
  const StepLog::Action fork = [this]() -> Result<void> {
    forks_ = VENEER_TRY(state_->lifecycle().Fork(first_.id, kForks));
    return {};
  };
  VENEER_TRY(Step(fmt::format("fork it {} times while it runs", kForks), fork));
  facts_.fork_time = log_.last_time();
  for (const StepTiming& timing : forks_.front().timings) {
    if (timing.step == "held") facts_.fork_held = timing.took;
  }
  log_.Note(VENEER_TRY(state_->FootprintOf(forks_)));
  return {};
}

Result<void> DemoStory::UseForks() {
  VENEER_TRY(Step("mount the forks", [this] { return MountForks(); }));
  VENEER_TRY(Step("find its note in each fork", [this] { return ReadForks(); }));
  VENEER_TRY(Step("write another note into one fork", [this] { return WriteIntoAFork(); }));
  log_.Note(VENEER_TRY(state_->FootprintOf(std::vector{forks_.front()})));
  return Step("prove that no other has it", [this] { return ProveIsolation(); });
}

Result<void> DemoStory::MountForks() {
  for (std::size_t n = 0; n < forks_.size(); ++n) {
    VENEER_TRY(watch_.Check());
    fork_mounts_.push_back(VENEER_TRY(DiskMount::Mount(
        forks_[n].path.value_or(""), directory_ / fmt::format("fork-{}.mnt", n + 1))));
  }
  return {};
}

Result<void> DemoStory::ReadForks() const {
  for (const DiskMount& each : fork_mounts_) VENEER_TRY(ExpectNote(each, kFromTheFirst));
  return {};
}

Result<void> DemoStory::WriteIntoAFork() const {
  VENEER_TRY(WriteNote(fork_mounts_.front().path(), kFromAFork));
  return SyncFileSystemOf(fork_mounts_.front().path());
}

Result<void> DemoStory::ProveIsolation() const {
  VENEER_TRY(ExpectNote(fork_mounts_.front(), kFromAFork));
  VENEER_TRY(ExpectNote(*first_mount_, kFromTheFirst));
  for (std::size_t n = 1; n < fork_mounts_.size(); ++n) {
    VENEER_TRY(ExpectNote(fork_mounts_[n], kFromTheFirst));
  }
  return {};
}

Result<void> DemoStory::TakeASnapshot() {
  const StepLog::Action take = [this]() -> Result<void> {
    Snapshot snapshot = VENEER_TRY(TakeSnapshot(state_->host(), first_.id, "snapshot"));
    facts_.snapshot_held = snapshot.held;
    snapshot_ = std::move(snapshot.record);
    return {};
  };
  VENEER_TRY(Step("take a snapshot of it while it runs", take));
  log_.Note(VENEER_TRY(state_->FootprintOf(snapshot_)));
  return {};
}

Result<void> DemoStory::UseTheSnapshot() {
  VENEER_TRY(StepOn("create a sandbox from the snapshot", second_, [this](Lifecycle& lifecycle) {
    return lifecycle.Create({.template_reference = snapshot_.name, .name = "second"});
  }));
  VENEER_TRY(
      Step("mount its disk", [this] { return MountIt(second_mount_, second_, "second.mnt"); }));
  return Step("read everything back there too", [this] { return ReadBack(*second_mount_); });
}

Result<void> DemoStory::End() {
  VENEER_TRY(Step(fmt::format("unmount all {}", kSandboxes), [this] { return UnmountAll(); }));
  VENEER_TRY(Step(fmt::format("destroy all {}", kSandboxes), [this] { return DestroyAll(); }));
  return Step("prove that the template is unchanged",
              [this] { return ProveTheTemplateUnchanged(); });
}

Result<void> DemoStory::UnmountAll() {
  VENEER_TRY(first_mount_->Unmount());
  for (DiskMount& each : fork_mounts_) VENEER_TRY(each.Unmount());
  return second_mount_->Unmount();
}

Result<void> DemoStory::DestroyAll() {
  const std::size_t destroyed = VENEER_TRY(state_->DestroyAll());
  if (destroyed == kSandboxes) return {};
  return Fail(ErrorKind::kCorrupt, fmt::format("there were {} sandboxes", destroyed));
}

Result<void> DemoStory::ProveTheTemplateUnchanged() const {
  const std::string now = VENEER_TRY(DigestOfFile(state_->layout().Image(template_.id)));
  if (now == template_.digest) return {};
  return Fail(ErrorKind::kCorrupt, "the template has changed");
}

}  // namespace veneer
