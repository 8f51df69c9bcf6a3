#include "library/disk_host.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "backend/dm/disk_record.h"
#include "backend/dm/host_dm_backend.h"
#include "backend/dm/reconcile.h"
#include "backend/instance.h"
#include "backend/user/collect.h"
#include "backend/user/user_backend.h"
#include "kernel/linux/linux_device_mapper.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"
#include "library/disk_host_parts.h"

namespace veneer {
namespace {

// What the command `veneer` has running is in its catalog, which is not read here.
Result<bool> IsAtRest(const std::string& state_dir, const std::string& run_dir) {
  std::error_code error;
  const bool has_catalog = std::filesystem::exists(state_dir + "/catalog.db", error);
  const auto recorded = VENEER_TRY(dm::RecordedDisks(run_dir + "/dm"));
  return !has_catalog && !error && recorded.empty();
}

Result<std::unique_ptr<DiskHost::Parts>> OpenDm(const DiskHostOptions& options) {
  // Before a state directory is made that would be of no use.
  VENEER_TRY(LinuxDeviceMapper().RequireTarget("snapshot"));
  std::string instance = VENEER_TRY(InstanceOf(options.state_dir));
  RunClaim claim =
      VENEER_TRY(RunClaim::Take(options.state_dir, options.run_dir, [&](const std::string& run) {
        return IsAtRest(options.state_dir, run);
      }));
  auto backend = std::make_unique<HostDmBackend>(
      DmPlace{.run_dir = options.run_dir, .instance = std::move(instance)}, options.patience,
      std::move(claim));
  auto clean_up = [&dm = *backend](GcMode mode) { return Reconcile(dm, dm.ports(), mode); };
  return std::make_unique<DiskHost::Parts>(std::move(backend), std::move(clean_up));
}

Result<GcReport> CollectUser(const std::string& run_dir, GcMode mode) {
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  return CollectDeadDisks(run_dir, {.mounts = mounts, .loops = loops, .holders = holders}, mode);
}

Result<std::unique_ptr<DiskHost::Parts>> OpenUser(const DiskHostOptions& options) {
  if (options.server.empty()) {
    return Fail(ErrorKind::kUsage, "the program that serves disks is missing",
                "set DiskHostOptions::server to the path of the program veneer");
  }
  auto backend = std::make_unique<UserBackend>(options.run_dir, options.server);
  VENEER_TRY(backend->RequireHost());
  auto clean_up = [run_dir = options.run_dir](GcMode mode) { return CollectUser(run_dir, mode); };
  return std::make_unique<DiskHost::Parts>(std::move(backend), std::move(clean_up));
}

}  // namespace

DiskHost::DiskHost(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DiskHost::DiskHost(DiskHost&& other) noexcept = default;
DiskHost& DiskHost::operator=(DiskHost&& other) noexcept = default;
DiskHost::~DiskHost() = default;

Result<DiskHost> DiskHost::Open(BackendKind kind, const DiskHostOptions& options) {
  auto parts = VENEER_TRY(kind == BackendKind::kDm ? OpenDm(options) : OpenUser(options));
  return DiskHost(std::move(parts));
}

}  // namespace veneer
