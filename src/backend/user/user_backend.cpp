#include "backend/user/user_backend.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "backend/user/attachment.h"
#include "backend/user/disk_list.h"
#include "base/unique_fd.h"
#include "kernel/linux/linux_mounts.h"

namespace veneer {

UserBackend::UserBackend(std::string run_dir, std::string program)
    : run_dir_(std::move(run_dir)), program_(std::move(program)) {}

Result<void> UserBackend::RequireHost() {
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fuse.valid()) return {};
  const int error = errno;
  Error unusable = ErrnoError(error, "open /dev/fuse");
  unusable.kind = ErrorKind::kUnsupported;
  unusable.hint = error == EACCES || error == EPERM
                      ? "run as root, or allow this user (this container) to use /dev/fuse"
                      : "load the kernel's FUSE module (modprobe fuse); in a container, pass "
                        "/dev/fuse on to it";
  return Fail(std::move(unusable));
}

Result<AttachedDisk> UserBackend::Attach(const DiskRequest& request) {
  if (request.at.empty()) {
    return Fail(ErrorKind::kUsage, "the path of the disk is missing",
                "name a file; it is made where it is missing");
  }
  Attachment attached = VENEER_TRY(AttachDisk({.store = request.store,
                                               .origin = request.origin,
                                               .at = request.at,
                                               .run_dir = run_dir_,
                                               .export_kind = request.export_kind,
                                               .access = request.access,
                                               .exposure = request.exposure,
                                               .program = program_}));
  return AttachedDisk{.path = std::move(attached.path), .device = std::move(attached.device)};
}

Result<void> UserBackend::Detach(const std::string& path) {
  return DetachDisk({.path = path, .run_dir = run_dir_});
}

Result<DiskFill> UserBackend::Fill(const std::string& path) {
  return FillOfDisk({.path = path, .run_dir = run_dir_});
}

Result<DiskFill> UserBackend::Grow(const std::string& path, Bytes max_change) {
  return GrowDisk({.path = path, .run_dir = run_dir_}, max_change);
}

Result<StoreClone> UserBackend::CloneStore(const std::string& path, const std::string& clone) {
  return CloneStoreOfDisk({.path = path, .run_dir = run_dir_}, clone);
}

Result<DiskActivity> UserBackend::Keep(const std::string& path, const WriteLease& lease) {
  return KeepDisk({.path = path, .run_dir = run_dir_}, lease);
}

Result<void> UserBackend::LetGo(const std::string& path, std::chrono::milliseconds term) {
  return LetGoOfDisk({.path = path, .run_dir = run_dir_}, term);
}

Result<std::string> UserBackend::RunDirectory() const {
  std::error_code error;
  std::string run_dir = std::filesystem::absolute(run_dir_, error);
  if (error) return FailErrno(error.value(), run_dir_);
  return run_dir;
}

Result<std::vector<std::string>> UserBackend::Attached() {
  return AttachedDisks(VENEER_TRY(RunDirectory()), LinuxMounts());
}

Result<bool> UserBackend::IsAttached(const std::string& path) {
  return IsDiskAttached(VENEER_TRY(RunDirectory()), path, LinuxMounts());
}

}  // namespace veneer
