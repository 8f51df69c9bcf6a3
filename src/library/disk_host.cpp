#include "library/disk_host.h"

#include <utility>

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

Result<std::unique_ptr<DiskHost::Parts>> OpenDm(const DiskHostOptions& options) {
  // Before a state directory is made that would be of no use.
  VENEER_TRY(LinuxDeviceMapper().RequireTarget("snapshot"));
  std::string instance = VENEER_TRY(InstanceOf(options.state_dir));
  auto backend = std::make_unique<HostDmBackend>(
      DmPlace{.run_dir = options.run_dir, .instance = std::move(instance)}, options.patience);
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
