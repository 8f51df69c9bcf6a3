#include "export/fuse/fuse_export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "export/fuse/fuse_file.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/signals_blocked.h"

namespace veneer {
namespace {

struct SessionDeleter {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};
using Session = std::unique_ptr<fuse_session, SessionDeleter>;

// A value within libfuse's comma-separated options.
std::string EscapeOption(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

Result<Session> NewSession(FuseFile& file, const std::string& source) {
  std::string program = "veneer";
  std::string flag = "-o";
  std::string options =
      fmt::format("fsname={},subtype=veneer,default_permissions", EscapeOption(source));
  std::array<char*, 4> arguments{program.data(), flag.data(), options.data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(3, arguments.data());
  const fuse_lowlevel_ops& operations = FuseFile::Operations();
  Session session(fuse_session_new(&args, &operations, sizeof operations, &file));
  fuse_opt_free_args(&args);
  if (!session) return Fail(ErrorKind::kFailed, "start a FUSE session");
  return session;
}

Result<UniqueFd> OpenFuse() {
  UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == EACCES || error == EPERM) {
    return FailErrno(error, "open /dev/fuse", "run as a user who may use FUSE, or as root");
  }
  return Fail(Error{ErrorKind::kUnsupported, error, "this host has no FUSE",
                    "load the kernel module: modprobe fuse (a container needs /dev/fuse too)"});
}

// The mount of root, done here rather than by libfuse: it tells what went wrong.
Result<void> MountAsRoot(const UniqueFd& fuse, const CowDisk& disk,
                         const FuseMountOptions& options) {
  const std::string data =
      fmt::format("fd={},rootmode={:o},user_id={},group_id={},allow_other,default_permissions",
                  fuse.get(), S_IFREG, ::geteuid(), ::getegid());
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (disk.access() == DiskAccess::kReadOnly) flags |= MS_RDONLY;
  if (::mount(options.source.c_str(), options.path.c_str(), kFuseMountType, flags, data.c_str()) ==
      0) {
    return {};
  }
  const int error = errno;
  if (error == ENODEV) {
    return Fail(Error{ErrorKind::kUnsupported, error, "this host has no FUSE",
                      "load the kernel module: modprobe fuse"});
  }
  return FailErrno(error, fmt::format("mount the disk at {}", options.path),
                   error == EPERM ? "run as root, or give the container CAP_SYS_ADMIN" : "");
}

Result<void> MountSession(fuse_session* session, const CowDisk& disk,
                          const FuseMountOptions& options) {
  UniqueFd fuse = VENEER_TRY(OpenFuse());
  Result<void> mounted = MountAsRoot(fuse, disk, options);
  if (mounted) {
    // libfuse takes a descriptor that is mounted already under this name, and owns it then.
    const std::string name = fmt::format("/dev/fd/{}", fuse.Release());
    if (fuse_session_mount(session, name.c_str()) == 0) return {};
    return Fail(ErrorKind::kFailed, "start a FUSE session on a mounted descriptor");
  }
  if (mounted.error().os_errno != EPERM || ::geteuid() == 0) return mounted;
  if (fuse_session_mount(session, options.path.c_str()) == 0) return {};
  return Fail(Error{ErrorKind::kFailed, EPERM, fmt::format("mount the disk at {}", options.path),
                    "the package fuse3 and a file of your own are needed, or root"});
}

Result<UniqueFd> OpenAbortSwitch(unsigned connection) {
  const std::string name = fmt::format("{}/abort", connection);
  UniqueFd fd(::open(("/sys/fs/fuse/connections/" + name).c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.valid()) return fd;
  // fusectl may be mounted nowhere; a mount that is attached to no path does as well.
  const UniqueFd context(::fsopen("fusectl", FSOPEN_CLOEXEC));
  if (!context.valid()) return FailErrno(errno, "open fusectl");
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return FailErrno(errno, "open fusectl");
  }
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount.valid()) return FailErrno(errno, "mount fusectl");
  UniqueFd found(::openat(mount.get(), name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!found.valid()) return FailErrno(errno, fmt::format("open fusectl {}", name));
  return found;
}

}  // namespace

struct FuseExport::Parts {
  Parts(CowDisk& disk, FuseMountOptions mount_options)
      : options(std::move(mount_options)), file(disk) {}

  // Until the mount is gone.
  void Serve() const {
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, options.threads);
    fuse_session_loop_mt(session.get(), config);
    fuse_loop_cfg_destroy(config);
    const std::uint64_t one = 1;
    // An eventfd takes a one unless it is full.
    [[maybe_unused]] const ssize_t n = ::write(ended.get(), &one, sizeof one);
  }
  [[nodiscard]] bool HasEnded() const {
    pollfd poll{.fd = ended.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }

  FuseMountOptions options;
  FuseFile file;
  Session session;
  UniqueFd ended;
  FileIdentity identity;
  std::thread thread;
};

FuseExport::FuseExport(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<FuseExport>> FuseExport::Mount(CowDisk& disk,
                                                      const FuseMountOptions& options) {
  auto parts = std::make_unique<Parts>(disk, options);
  parts->ended = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!parts->ended.valid()) return FailErrno(errno, "make an eventfd");
  parts->session = VENEER_TRY(NewSession(parts->file, options.source));
  VENEER_TRY(MountSession(parts->session.get(), disk, options));
  {
    const SignalsBlocked blocked;
    parts->thread = std::thread([serving = parts.get()] { serving->Serve(); });
  }
  std::unique_ptr<FuseExport> result(new FuseExport(std::move(parts)));
  const std::optional<MountEntry> entry = VENEER_TRY(LinuxMounts().At(options.path));
  if (!entry || entry->source != options.source) {
    return Fail(ErrorKind::kConflict, fmt::format("something else is mounted at {}", options.path),
                "choose another path");
  }
  result->parts_->identity = {.device = entry->device, .inode = FUSE_ROOT_ID};
  return result;
}

FuseExport::~FuseExport() {
  if (!parts_->HasEnded()) {
    LinuxMounts mounts;
    const auto entry = mounts.At(parts_->options.path);
    if (entry && *entry && (*entry)->source == parts_->options.source) {
      mounts.Unmount(parts_->options.path, UnmountMode::kLazy).Ignore("the last resort");
    }
    Abort().Ignore("then the threads end with the last user of the mount");
  }
  parts_->thread.join();
}

const FileIdentity& FuseExport::identity() const { return parts_->identity; }

bool FuseExport::IsOpen() const { return parts_->file.IsOpen(); }

const UniqueFd& FuseExport::ended() const { return parts_->ended; }

Result<void> FuseExport::Abort() {
  if (parts_->identity.device == 0) return Fail(ErrorKind::kNotFound, "nothing is mounted");
  // fs/fuse/control.c: a connection is named by the number of its anonymous device.
  const UniqueFd fd = VENEER_TRY(OpenAbortSwitch(minor(parts_->identity.device)));
  if (::write(fd.get(), "1", 1) != 1) return FailErrno(errno, "cut the FUSE connection");
  return {};
}

}  // namespace veneer
