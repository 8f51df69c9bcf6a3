// What the verbs and Recover share.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "kernel/nbd_address.h"
#include "sandbox/lifecycle.h"
#include "sandbox/machine.h"
#include "sandbox/templates.h"

namespace veneer {
namespace {

// Where the disk is while it is attached, also where that was not recorded any more.
std::string PathOf(const Host& host, const DiskBackend& backend, const SandboxRecord& record) {
  if (record.path) return *record.path;
  if (backend.kind() == BackendKind::kDm) return "/dev/mapper/veneer-" + record.id;
  if (record.export_way == ExportName(ExportKind::kNbd)) {
    return NbdUri(host.layout.Socket(record.id));
  }
  return host.layout.Disk(record.id);
}

// Whoever served the disk died while it was asked.
bool DiedAtIt(const Error& error) {
  return error.os_errno == EPIPE || error.os_errno == ECONNRESET;
}

// A host that has lost its device-mapper has no disks in it.
bool LacksBackend(const Error& error) { return error.kind == ErrorKind::kUnsupported; }

// The hints of a backend are for those who attach and detach disks by themselves.
Error InVerbsOfSandboxes(Error error, const SandboxRecord& record) {
  const bool busy = error.kind == ErrorKind::kConflict && error.os_errno == EBUSY;
  const bool full = error.kind == ErrorKind::kNoSpace;
  const bool ends = record.last_operation == VerbName(Verb::kPause) ||
                    record.last_operation == VerbName(Verb::kDestroy);
  const std::string again =
      ends ? fmt::format("then {} it again", record.last_operation) : "then try again";
  if (busy) error.hint = "end or unmount what has it open, " + again;
  if (full) error.hint = "make room for its store, " + again + "; nothing is lost so far";
  return error;
}

}  // namespace

Result<ClaimedSandbox> Claim(const Host& host, const std::string& reference, Verb verb) {
  const SandboxRecord found = VENEER_TRY(host.catalog.Sandbox(reference));
  ObjectLock lock =
      VENEER_TRY(ObjectLock::Take(host.layout.locks(), found.id, std::string(VerbName(verb))));
  // Anything may have happened to it while we waited.
  SandboxRecord record = VENEER_TRY(host.catalog.Sandbox(found.id));
  const SandboxState through = VENEER_TRY(Begin(verb, record));
  return ClaimedSandbox{.lock = std::move(lock), .record = std::move(record), .through = through};
}

bool LastsFromTheBeginning(const SandboxRecord& record) {
  return record.last_operation == kCreate && !record.machine && !record.boot_id.empty();
}

Result<ExportKind> ExportOf(const SandboxRecord& record) {
  if (const auto kind = ExportNamed(record.export_way)) return *kind;
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the catalog names an export '{}'", record.export_way));
}

Result<std::string> AttachDiskOf(const Host& host, const SandboxRecord& record) {
  DiskBackend* const backend = VENEER_TRY(host.backends.Named(record.backend));
  const ExportKind export_kind = VENEER_TRY(ExportOf(record));
  const bool by_nbd = export_kind == ExportKind::kNbd;
  const std::string store = host.layout.Store(record.id);
  const auto disk =
      backend->Attach({.store = store,
                       .origin = host.layout.Image(record.template_id),
                       .name = record.id,
                       .at = by_nbd ? host.layout.Socket(record.id) : host.layout.Disk(record.id),
                       .export_kind = export_kind});
  if (disk) return disk->path;
  const bool names_it =
      disk.error().kind != ErrorKind::kCorrupt || disk.error().what.contains(store);
  return Fail(names_it ? disk.error() : InContext(disk.error(), store));
}

Result<bool> IsAttached(const Host& host, const SandboxRecord& record) {
  DiskBackend* const backend = VENEER_TRY(host.backends.Named(record.backend));
  auto attached = backend->IsAttached(PathOf(host, *backend, record));
  if (!attached && LacksBackend(attached.error())) return false;
  return attached;
}

Result<Detached> DetachDiskOf(const Host& host, const SandboxRecord& record) {
  const bool served = VENEER_TRY(IsAttached(host, record));
  DiskBackend* const backend = VENEER_TRY(host.backends.Named(record.backend));
  const std::string path = PathOf(host, *backend, record);
  Result<void> detached = backend->Detach(path);
  // A server ends by itself when the command that started it was killed: it may be just about to.
  const bool died =
      !detached && DiedAtIt(detached.error()) && !VENEER_TRY(IsAttached(host, record));
  if (died) detached = backend->Detach(path);
  if (!detached && detached.error().kind != ErrorKind::kNotFound &&
      !LacksBackend(detached.error())) {
    return Fail(InVerbsOfSandboxes(detached.error(), record));
  }
  return served && detached && !died ? Detached::kDone : Detached::kWasGone;
}

Result<void> EndDiskOf(const Host& host, const SandboxRecord& record) {
  const auto detached = DetachDiskOf(host, record);
  if (!detached) return Fail(detached.error());
  return {};
}

Result<void> EndMachineAndDisk(const Host& host, const SandboxRecord& record) {
  VENEER_TRY(EndMachine(host, record));
  return EndDiskOf(host, record);
}

void LetWritersGo(const Host& host, const SandboxRecord& record, std::chrono::seconds term) {
  const auto backend = host.backends.Named(record.backend);
  if (!backend) return;
  (*backend)
      ->LetGo(PathOf(host, **backend, record), term)
      .Ignore("without a disk that is served nobody waits");
}

Result<void> RequireFiles(const Host& host, const SandboxRecord& record) {
  const std::string store = host.layout.Store(record.id);
  struct stat status{};
  Result<void> there =
      ::stat(store.c_str(), &status) == 0
          ? Templates(host).Verify(VENEER_TRY(host.catalog.Template(record.template_id)))
          : FailErrno(errno, fmt::format("the store {}", store), "restore the file from a backup");
  if (there || there.error().kind != ErrorKind::kNotFound) return there;
  // The sandbox that was asked for is there, and is damaged.
  Error damaged = there.error();
  damaged.kind = ErrorKind::kCorrupt;
  return Fail(std::move(damaged));
}

Result<void> Forget(const Host& host, const SandboxRecord& record, Lasting lasting) {
  VENEER_TRY(EndMachine(host, record));
  VENEER_TRY(ForgetMachine(host, record.id));
  std::error_code error;
  std::filesystem::remove(host.layout.Store(record.id), error);
  if (error)
    return FailErrno(error.value(), fmt::format("remove {}", host.layout.Store(record.id)));
  return host.catalog.RemoveSandbox(record.id, lasting);
}

Result<void> Undo(const Host& host, const SandboxRecord& record) {
  VENEER_TRY(EndMachineAndDisk(host, record));
  return Forget(host, record);
}

}  // namespace veneer
