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
  const TemplateRecord record{.id = VENEER_TRY(NewId("tp-")), .name = request.name};
  clock.Name(record.id);
  const ObjectLock lock = VENEER_TRY(ObjectLock::Take(host_.layout.locks(), record.id, "import"));
  const IntentRecord intent{.id = record.id, .verb = "import", .began_at = host_.now()};
  VENEER_TRY(clock.Time("record", [&] { return host_.catalog.Begin(intent); }));
  const auto imported = clock.Time("copy", [&] {
    return ImportImage(
        request.source, host_.layout.Image(record.id),
        {.size = request.size, .reserve = host_.reserve, .progress = request.progress});
  });
  auto finished =
      imported ? clock.Time("digest", [&] { return Finish(record, intent, request.progress); })
               : Fail(imported.error());
  if (!finished) {
    clock.Time("undo", [&] { return Undo(record.id); })
        .Ignore("recover does it; the cause is what matters");
  }
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

Result<void> Templates::Undo(const std::string& id) {
  for (const std::string& path : {host_.layout.Image(id), host_.layout.SnapshotStore(id)}) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return FailErrno(error.value(), fmt::format("remove {}", path));
  }
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
  std::error_code error;
  std::filesystem::remove(host_.layout.Image(record.id), error);
  std::move(lock).Forget();
  if (error) {
    return FailErrno(error.value(), fmt::format("remove {}", host_.layout.Image(record.id)),
                     "the template is gone; 'veneer gc' removes the file");
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
