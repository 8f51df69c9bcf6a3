#include "sandbox/templates.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "catalog/ids.h"
#include "catalog/object_lock.h"
#include "cow/digest.h"
#include "images/import.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

Result<TemplateRecord> Templates::Import(const ImportRequest& request) {
  StepClock clock(host_.log, "import", request.name);
  return clock.Whole([&] { return ImportOne(request, clock); });
}

Result<TemplateRecord> Templates::ImportOne(const ImportRequest& request, StepClock& clock) {
  VENEER_TRY(RequireName(request.name));
  const auto taken = host_.catalog.Template(request.name);
  if (taken && taken->name == request.name) {
    return Fail(ErrorKind::kConflict, fmt::format("a template {} exists", request.name),
                "choose another name, or remove that one first");
  }
  TemplateRecord record{.id = VENEER_TRY(NewId("tp-")), .name = request.name};
  clock.Name(record.id);
  ObjectLock lock = VENEER_TRY(ObjectLock::Take(host_.layout.locks(), record.id, "import"));
  const IntentRecord intent{.id = record.id, .verb = "import", .began_at = host_.now()};
  VENEER_TRY(clock.Time("record", [&] { return host_.catalog.Begin(intent); }));
  const auto imported = clock.Time("copy", [&] {
    return ImportImage(
        request.source, host_.layout.Image(record.id),
        {.size = request.size, .reserve = host_.reserve, .progress = request.progress});
  });
  const Result<void> taken_over =
      imported && request.boot
          ? clock.Time("boot files", [&] { return TakeBootFiles(*request.boot, record); })
          : Result<void>();
  auto finished =
      !imported ? Fail(imported.error())
      : !taken_over
          ? Fail(taken_over.error())
          : clock.Time("digest", [&] { return Finish(record, intent, request.progress); });
  if (finished) return finished;
  const Result<void> undone = clock.Time("undo", [&] { return Undo(record.id); });
  if (undone) std::move(lock).Forget();  // else recover does it
  return finished;
}

Result<TemplateRecord> Templates::Finish(TemplateRecord record, const IntentRecord& intent,
                                         const Progress& progress) {
  const std::string path = host_.layout.Image(record.id);
  const auto image = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  if (::fchmod(image->fd().get(), S_IRUSR) != 0) return FailErrno(errno, fmt::format("{}", path));
  record.digest = VENEER_TRY(DigestOf(*image, progress));
  record.image = VENEER_TRY(image->Stamp());
  record.created_at = host_.now();
  VENEER_TRY(host_.catalog.AddAndEnd(record, intent));
  return record;
}

// Copies of the kernel and the initrd, beside the image.
Result<void> Templates::TakeBootFiles(const BootSource& source, TemplateRecord& record) {
  const auto take = [&](const std::string& from, const std::string& to) -> Result<std::string> {
    const auto file = VENEER_TRY(LinuxFile::Open(from, Access::kReadOnly));
    VENEER_TRY(CloneFile(*file, to));
    return DigestOf(*file);
  };
  BootRecord boot{.cmdline = source.cmdline};
  boot.kernel = VENEER_TRY(take(source.kernel, host_.layout.Kernel(record.id)));
  if (!source.initrd.empty()) {
    boot.initrd = VENEER_TRY(take(source.initrd, host_.layout.Initrd(record.id)));
  }
  record.boot = std::move(boot);
  return {};
}

Result<void> Templates::ShareBootFiles(const TemplateRecord& from, TemplateRecord& made) {
  if (!from.boot) return {};
  made.boot = from.boot;
  std::error_code error;
  std::filesystem::create_hard_link(host_.layout.Kernel(from.id), host_.layout.Kernel(made.id),
                                    error);
  if (!error && !from.boot->initrd.empty()) {
    std::filesystem::create_hard_link(host_.layout.Initrd(from.id), host_.layout.Initrd(made.id),
                                      error);
  }
  if (error) return FailErrno(error.value(), fmt::format("share the kernel of {}", from.name));
  return {};
}

Result<void> Templates::RemoveFilesOf(const std::string& id) {
  const Layout& layout = host_.layout;
  for (const std::string& path : {layout.Image(id), layout.SnapshotStore(id), layout.Kernel(id),
                                  layout.Initrd(id), layout.Base(id), layout.State(id)}) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return FailErrno(error.value(), fmt::format("remove {}", path));
  }
  return {};
}

Result<void> Templates::Undo(const std::string& id) {
  VENEER_TRY(host_.vmm.Stop(id));
  VENEER_TRY(RemoveFilesOf(id));
  return host_.catalog.End(id);
}

Result<void> Templates::Remove(const std::string& reference) {
  StepClock clock(host_.log, "template rm", reference);
  return clock.Whole([&] { return RemoveOne(reference, clock); });
}

Result<void> Templates::RemoveOne(const std::string& reference, StepClock& clock) {
  const TemplateRecord record = VENEER_TRY(host_.catalog.Template(reference));
  clock.Name(record.id);
  ObjectLock lock = VENEER_TRY(ObjectLock::Take(host_.layout.locks(), record.id, "remove"));
  VENEER_TRY(clock.Time("record", [&] { return host_.catalog.RemoveTemplate(record.id); }));
  const Result<void> removed = RemoveFilesOf(record.id);
  std::move(lock).Forget();
  if (!removed) {
    return Fail(Error{removed.error().kind, removed.error().os_errno, removed.error().what,
                      "the template is gone; 'veneer gc' removes the file"});
  }
  return {};
}

Result<void> Templates::Verify(const TemplateRecord& record) {
  const std::string path = host_.layout.Image(record.id);
  const auto image = LinuxFile::Open(path, Access::kReadOnly);
  if (!image) {
    return Fail(InContext(image.error(), fmt::format("the image of template {}", record.name)));
  }
  const FileStamp stamp = VENEER_TRY((*image)->Stamp());
  if (stamp == record.image) return {};
  // Perhaps it came back from a backup.
  const bool same =
      stamp.size == record.image.size && VENEER_TRY(DigestOf(**image)) == record.digest;
  if (same) return host_.catalog.Restamp(record.id, stamp);
  return Fail(ErrorKind::kCorrupt,
              fmt::format("{} is no longer the image of template {}", path, record.name),
              "restore the file: sandboxes and their stores are of no use without it");
}

}  // namespace veneer
