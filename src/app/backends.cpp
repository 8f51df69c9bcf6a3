#include "app/backends.h"

#include <fmt/format.h>

#include <utility>

#include "app/session.h"
#include "backend/dm/host_dm_backend.h"
#include "backend/instance.h"
#include "backend/user/user_backend.h"

namespace veneer {
namespace {

Result<std::unique_ptr<DiskBackend>> OpenDmBackend(const GlobalOptions& options) {
  std::string instance = VENEER_TRY(InstanceOf(options.root));
  RunClaim claim = VENEER_TRY(ClaimRunDirectory(options));
  return std::make_unique<HostDmBackend>(
      DmPlace{.run_dir = options.run, .instance = std::move(instance)},
      HostDmBackend::kDetachPatience, std::move(claim));
}

}  // namespace

Result<std::unique_ptr<DiskBackend>> BackendNamed(const GlobalOptions& options,
                                                  const std::string& name) {
  if (name == BackendName(BackendKind::kUser)) return std::make_unique<UserBackend>(options.run);
  if (name == BackendName(BackendKind::kDm)) {
    // Before a state directory is made that would be of no use.
    VENEER_TRY(LinuxDeviceMapper().RequireTarget("snapshot"));
    return OpenDmBackend(options);
  }
  return Fail(ErrorKind::kUsage, fmt::format("--backend {}: no such backend", name),
              "choose user or dm");
}

Result<ExportKind> ExportChosen(const std::string& name) {
  if (const auto kind = ExportNamed(name)) return *kind;
  return Fail(ErrorKind::kUsage, fmt::format("--export {}: no such export", name),
              "choose fuse or nbd");
}

Result<std::unique_ptr<DiskBackend>> BackendOf(const GlobalOptions& options,
                                               const std::string& path) {
  const bool is_dm = path.starts_with("/dev/mapper/") || path.starts_with("/dev/dm-");
  const BackendKind kind = is_dm ? BackendKind::kDm : BackendKind::kUser;
  return BackendNamed(options, std::string(BackendName(kind)));
}

}  // namespace veneer
