#include "app/doctor/host_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "app/program.h"
#include "backend/user/user_backend.h"
#include "base/size_text.h"
#include "base/unique_fd.h"
#include "cow/clone.h"
#include "kernel/linux/linux_device_mapper.h"
#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

// Below it the first sandboxes of a small template fill the host.
constexpr Bytes kLittleRoom = GiB(1);

HostCheck Good(std::string name, std::string detail) {
  return {.name = std::move(name), .ok = true, .detail = std::move(detail)};
}

HostCheck Bad(std::string name, std::string detail, std::string hint) {
  return {
      .name = std::move(name), .ok = false, .detail = std::move(detail), .hint = std::move(hint)};
}

std::string Reason(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

fs::path NearestExisting(const std::string& root) {
  std::error_code error;
  fs::path path = fs::absolute(root, error);
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

}  // namespace

HostCheck CheckTarget(const std::string& target) {
  const std::string name = target + "_target";
  LinuxDeviceMapper devices;
  const Result<void> there = devices.RequireTarget(target);
  if (there) return Good(name, fmt::format("device-mapper has the target {}", target));
  return Bad(name, there.error().what, there.error().hint);
}

HostCheck CheckLoop() {
  constexpr const char* kControl = "/dev/loop-control";
  const UniqueFd fd(::open(kControl, O_RDWR | O_CLOEXEC));
  if (fd.valid()) return Good("loop", "loop devices can be made");
  const int error = errno;
  return Bad("loop", fmt::format("{}: {}", kControl, Reason(error)),
             error == EACCES || error == EPERM ? "run as root" : "modprobe loop");
}

HostCheck CheckFuse() {
  const Result<void> usable = UserBackend(std::string()).RequireHost();
  if (usable) return Good("fuse", "files can be served");
  return Bad("fuse", usable.error().what, usable.error().hint);
}

HostCheck CheckReflink(const std::string& root) {
  const fs::path directory = NearestExisting(root);
  const Result<void> shared = TrySharing(directory);
  if (shared) {
    return Good("reflink", fmt::format("files in {} can share blocks", directory.string()));
  }
  return Bad("reflink", shared.error().what,
             "XFS or btrfs make forks and snapshots cost next to nothing; others work, by copying");
}

HostCheck CheckFreeSpace(const std::string& root) {
  const fs::path directory = NearestExisting(root);
  struct statvfs space{};
  if (::statvfs(directory.c_str(), &space) != 0) {
    return Bad("free_space", fmt::format("{}: {}", directory.string(), Reason(errno)),
               "name another state directory with --root");
  }
  const Bytes available(space.f_bavail * space.f_frsize);
  std::string detail =
      fmt::format("{} are available in {}", FormatSize(available), directory.string());
  if (available >= kLittleRoom) return Good("free_space", std::move(detail));
  return Bad("free_space", std::move(detail), "free some, or name another --root");
}

HostCheck CheckDiskMemory() {
  // The largest piece that the kernel copies at once: each disk reserves memory for one.
  const std::string setting = "/sys/module/dm_mod/parameters/kcopyd_subjob_size_kb";
  constexpr unsigned kSmallKib = 16;  // four chunks
  const std::string text = ReadLineOr(setting, "");
  unsigned kib = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), kib).ec != std::errc{}) {
    return Good("disk_memory", "device-mapper is not loaded: its settings are not known");
  }
  HostCheck check =
      Good("disk_memory",
           fmt::format("the kernel reserves {} for copies, for each disk on device-mapper",
                       FormatSize(KiB(kib))));
  if (kib <= kSmallKib) return check;
  check.hint = fmt::format("with many disks {} would do: echo {} > {}", FormatSize(KiB(kSmallKib)),
                           kSmallKib, setting);
  return check;
}

HostCheck CheckUdev() {
  const bool runs = ::access("/run/udev/control", F_OK) == 0;
  return Good("udev", runs ? "udev runs, and makes the nodes of devices"
                           : "udev does not run: the nodes of devices are made without it");
}

HostCheck CheckProgram(const std::string& program, const std::string& package,
                       const std::string& purpose) {
  const auto path = FindProgram(program);
  if (path) return Good(program, fmt::format("{} ({})", *path, purpose));
  return Bad(program, fmt::format("not found ({})", purpose),
             fmt::format("apt-get install {}", package));
}

}  // namespace veneer
