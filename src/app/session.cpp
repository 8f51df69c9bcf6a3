#include "app/session.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "backend/dm/disk_record.h"
#include "backend/dm/reconcile.h"
#include "backend/instance.h"
#include "backend/user/collect.h"
#include "images/state_directory.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/read_text.h"
#include "sandbox/recover.h"

namespace veneer {
namespace {

template <class T>
void Append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Result<GcReport> CollectUser(const std::string& run_dir, GcMode mode) {
  LinuxMounts mounts;
  LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  return CollectDeadDisks(run_dir, {.mounts = mounts, .loops = loops, .holders = holders}, mode);
}

// A state directory that never had an instance has no devices, nor has a host without the target.
Result<GcReport> CollectDm(const GlobalOptions& options, GcMode mode) {
  const auto instance = VENEER_TRY(FindInstance(options.root));
  if (!instance) return GcReport{};
  HostDmBackend backend({.run_dir = options.run, .instance = *instance});
  const Result<void> usable = backend.RequireHost();
  if (!usable && usable.error().kind == ErrorKind::kUnsupported) return GcReport{};
  if (!usable) return Fail(usable.error());
  return Reconcile(backend, backend.ports(), mode);
}

bool HasCatalog(const std::string& root, std::error_code& error) {
  return std::filesystem::exists(Layout(root, "").catalog(), error);
}

// Neither a sandbox nor a disk of 'veneer cow' is attached, or about to be.
RunClaim::AtRest RestOf(const std::string& root) {
  return [root](const std::string& run) -> Result<bool> {
    const auto recorded = VENEER_TRY(dm::RecordedDisks(run + "/dm"));
    if (!recorded.empty()) return false;
    std::error_code error;
    if (!HasCatalog(root, error) && !error) return true;
    const Catalog catalog = VENEER_TRY(Catalog::Open(root));
    const auto under_way = VENEER_TRY(catalog.SandboxesIn(
        {SandboxState::kCreating, SandboxState::kRunning, SandboxState::kPausing,
         SandboxState::kResuming, SandboxState::kDestroying}));
    return under_way.empty();
  };
}

}  // namespace

Result<RunClaim> ClaimRunDirectory(const GlobalOptions& options) {
  const auto instance = VENEER_TRY(FindInstance(options.root));
  if (!instance) return RunClaim();
  return RunClaim::Take(options.root, options.run, RestOf(options.root));
}

Result<GcReport> CollectDisks(const GlobalOptions& options, GcMode mode) {
  GcReport report = VENEER_TRY(CollectUser(options.run, mode));
  GcReport dm = VENEER_TRY(CollectDm(options, mode));
  Append(report.adopted, std::move(dm.adopted));
  Append(report.removed, std::move(dm.removed));
  Append(report.kept, std::move(dm.kept));
  return report;
}

Session::Session(Layout layout, Catalog catalog, RunClaim claim, const std::string& instance,
                 SpaceReserve reserve, LogLevel log_level)
    : layout_(std::move(layout)),
      claim_(std::move(claim)),
      log_(layout_.log(), log_level),
      catalog_(std::move(catalog)),
      dm_({.run_dir = layout_.run(), .instance = instance}),
      user_(layout_.run()),
      vmm_({.run_dir = std::filesystem::absolute(layout_.run())}),
      reserve_(reserve) {}

Result<std::unique_ptr<Session>> Session::Open(const GlobalOptions& options,
                                               const SpaceReserve& reserve) {
  const Layout layout(options.root, options.run);
  VENEER_TRY(layout.Prepare());
  std::error_code error;
  const bool is_new = !HasCatalog(options.root, error);
  if (is_new) VENEER_TRY(RequireUsableStateDirectory(layout.sandboxes()));
  RunClaim claim = VENEER_TRY(RunClaim::Take(options.root, options.run, RestOf(options.root)));
  return With(std::move(claim), options, reserve);
}

Result<std::unique_ptr<Session>> Session::OpenToLook(const GlobalOptions& options) {
  const Layout layout(options.root, options.run);
  std::error_code error;
  const bool is_there = HasCatalog(options.root, error);
  if (error) return FailErrno(error.value(), fmt::format("look for {}", layout.catalog()));
  if (!is_there) return std::unique_ptr<Session>();
  VENEER_TRY(RunClaim::Look(options.root, options.run, RestOf(options.root)));
  VENEER_TRY(layout.Prepare());
  return With(RunClaim(), options, {});
}

Result<std::unique_ptr<Session>> Session::With(RunClaim claim, const GlobalOptions& options,
                                               const SpaceReserve& reserve) {
  Catalog catalog = VENEER_TRY(Catalog::Open(options.root));
  const std::string instance = VENEER_TRY(InstanceOf(options.root));
  return std::unique_ptr<Session>(new Session(Layout(options.root, options.run), std::move(catalog),
                                              std::move(claim), instance, reserve,
                                              options.log_level));
}

Result<std::unique_ptr<Session>> Session::OpenToChange(const GlobalOptions& options,
                                                       const SpaceReserve& reserve) {
  auto session = VENEER_TRY(Open(options, reserve));
  VENEER_TRY(Recover(session->host(), RecoverScope::kQuick));
  return session;
}

Host Session::host() {
  return {
      .catalog = catalog_,
      .backends = backends_,
      .vmm = vmm_,
      .layout = layout_,
      .log = log_,
      .reserve = reserve_,
      .now =
          [] {
            return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
          },
      .boot_id = HostBootId,
      .collect =
          [this](GcMode mode) {
            return CollectDisks({.root = layout_.root(), .run = layout_.run()}, mode);
          }};
}

}  // namespace veneer
