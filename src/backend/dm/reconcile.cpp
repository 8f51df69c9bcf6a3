#include "backend/dm/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "backend/dm/disk_record.h"
#include "backend/dm/names.h"
#include "backend/run_directory.h"

namespace veneer {
namespace {

class Reconciliation {
 public:
  Reconciliation(DmBackend& backend, const DmPorts& ports, GcMode mode)
      : backend_(backend), ports_(ports), mode_(mode) {}

  Result<GcReport> Run();

 private:
  void Adopt(const std::string& disk, dm::LockedRecord& record);
  void JudgeRecord(const std::string& disk);
  void JudgeDevice(const DmDevice& device, const std::string& disk);
  Result<void> JudgeOrigins();
  template <class T>
  void Take(GcFinding finding, const Result<T>& removed);
  [[nodiscard]] Result<bool> IsThere(const std::string& disk) const;

  DmBackend& backend_;
  DmPorts ports_;
  GcMode mode_;
  std::vector<DmDevice> devices_;
  GcReport report_;
};

template <class T>
void Reconciliation::Take(GcFinding finding, const Result<T>& removed) {
  if (removed) {
    report_.removed.push_back(std::move(finding));
  } else {
    report_.kept.push_back({.object = std::move(finding.object), .reason = removed.error().what});
  }
}

// Whether a disk has its device. The caller has the lock of its record: our first look is older
// than that, and whoever had the lock before us may have attached the disk since. So what that look
// has not shown is asked for again. What it has shown may be gone: such a disk is left as it is.
Result<bool> Reconciliation::IsThere(const std::string& disk) const {
  const std::string uuid = dm::NamesOfDisk(backend_.place().instance, disk).uuid;
  const auto is_it = [&](const DmDevice& each) { return each.uuid == uuid; };
  if (std::ranges::any_of(devices_, is_it)) return true;
  const auto devices = VENEER_TRY(ports_.devices.List(uuid));
  return std::ranges::any_of(devices, is_it);
}

void Reconciliation::Adopt(const std::string& disk, dm::LockedRecord& record) {
  const Result<void> runs =
      mode_ == GcMode::kLook ? Result<void>() : backend_.EndKilled(disk, record);
  if (runs) {
    report_.adopted.push_back(disk);
  } else {
    report_.kept.push_back({.object = fmt::format("disk {}", disk), .reason = runs.error().what});
  }
}

void Reconciliation::JudgeRecord(const std::string& disk) {
  auto record = dm::LockedRecord::TakeExisting(backend_.directory(), disk);
  if (!record) return;  // at work, or just gone
  GcFinding finding{.object = fmt::format("disk {}", disk),
                    .reason = "a command was killed while it attached or detached it"};
  if (IsAttached(record->record().state)) {
    const Result<bool> there = IsThere(disk);
    if (!there) return Take(std::move(finding), there);
    if (*there) return Adopt(disk, *record);
    finding.reason = "its device is gone";
  }
  if (mode_ == GcMode::kLook) return Take(std::move(finding), Result<void>());
  Take(std::move(finding), backend_.RemoveDisk(disk, *record));
}

void Reconciliation::JudgeDevice(const DmDevice& device, const std::string& disk) {
  const GcFinding finding{.object = fmt::format("device {}", device.name),
                          .reason = "no record names it"};
  if (mode_ == GcMode::kLook) return Take(finding, Result<void>());
  // Locked first: somebody may be about to attach a disk of this name.
  auto record = dm::LockedRecord::Take(backend_.directory(), disk);
  if (!record || !record->made()) return;
  const auto removed = backend_.RemoveDisk(disk, *record);
  if (!removed) record->Erase();
  if (removed && *removed == DmBackend::Removed::kLeftovers) return;  // detached since we looked
  Take(finding, removed);
}

Result<void> Reconciliation::JudgeOrigins() {
  const DmBackend::DirectoryLock lock = VENEER_TRY(backend_.LockDirectory());
  // Asked anew: the disks over them may have been removed since.
  const std::string& instance = backend_.place().instance;
  const auto devices = VENEER_TRY(ports_.devices.List(dm::UuidPrefix(instance)));
  for (const DmDevice& device : devices) {
    if (!dm::IsOriginUuid(instance, device.uuid)) continue;
    const Result<DmState> state = ports_.devices.Query(device.name);
    if (!state || state->open_count > 0) continue;
    const GcFinding finding{.object = fmt::format("device {}", device.name),
                            .reason = "no disk is over it"};
    Take(finding, mode_ == GcMode::kLook ? Result<void>() : ports_.devices.Remove(device.name));
  }
  if (mode_ == GcMode::kRemove) backend_.origins().ForgetCleared();
  return {};
}

Result<GcReport> Reconciliation::Run() {
  const std::string& instance = backend_.place().instance;
  devices_ = VENEER_TRY(ports_.devices.List(dm::UuidPrefix(instance)));
  const auto recorded = VENEER_TRY(dm::RecordedDisks(backend_.directory()));
  for (const std::string& disk : recorded) JudgeRecord(disk);
  const bool any = !recorded.empty() || !devices_.empty();
  if (any && mode_ == GcMode::kRemove) VENEER_TRY(PrepareRunDirectory(backend_.directory()));
  for (const DmDevice& device : devices_) {
    const auto disk = dm::DiskOfUuid(instance, device.uuid);
    if (disk && !std::ranges::binary_search(recorded, *disk)) JudgeDevice(device, *disk);
  }
  const Result<void> origins = JudgeOrigins();
  if (!origins && origins.error().kind != ErrorKind::kNotFound) return Fail(origins.error());
  return std::move(report_);
}

}  // namespace

Result<GcReport> Reconcile(DmBackend& backend, const DmPorts& ports, GcMode mode) {
  return Reconciliation(backend, ports, mode).Run();
}

}  // namespace veneer
