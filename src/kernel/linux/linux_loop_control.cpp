#include "kernel/linux/linux_loop_control.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

constexpr unsigned kLoopMajor = 7;   // Documentation/admin-guide/devices.txt
constexpr unsigned kMiscMajor = 10;  // …
constexpr unsigned kLoopControlMinor = 237;
constexpr int kAttempts = 64;  // somebody else may take a free device first, again and again

std::string DevicePath(unsigned number) { return fmt::format("/dev/loop{}", number); }

std::string SysPath(unsigned number, std::string_view name) {
  return fmt::format("/sys/block/loop{}/loop/{}", number, name);
}

bool IsBound(unsigned number) {
  return ::access(SysPath(number, "backing_file").c_str(), F_OK) == 0;
}

LoopDevice Describe(unsigned number) {
  return {.number = number,
          .path = DevicePath(number),
          .device = makedev(kLoopMajor, number),
          .direct = ReadLineOr(SysPath(number, "dio"), "0") == "1"};
}

// Opens a device node, which is made first where /dev lacks it.
UniqueFd OpenNode(const std::string& path, int flags, mode_t type, dev_t device) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.valid() || errno != ENOENT) return fd;
  if (::mknod(path.c_str(), type | 0660, device) != 0 && errno != EEXIST) {
    errno = ENOENT;
    return {};
  }
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

Result<UniqueFd> OpenDevice(unsigned number, int flags) {
  UniqueFd fd = OpenNode(DevicePath(number), flags, S_IFBLK, makedev(kLoopMajor, number));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", DevicePath(number)));
  return fd;
}

Result<UniqueFd> OpenControl() {
  UniqueFd fd =
      OpenNode("/dev/loop-control", O_RDWR, S_IFCHR, makedev(kMiscMajor, kLoopControlMinor));
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == EACCES || error == EPERM) {
    return FailErrno(error, "open /dev/loop-control", "run as root");
  }
  return Fail(Error{ErrorKind::kUnsupported, error, "this host has no loop devices",
                    "load the kernel module: modprobe loop"});
}

Result<unsigned> FreeNumber(const UniqueFd& control) {
  const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
  if (number < 0) return FailErrno(errno, "find a free loop device");
  return static_cast<unsigned>(number);
}

Result<void> Configure(unsigned number, const UniqueFd& file, const std::string& name,
                       const LoopOptions& options) {
  const bool writable = options.access == Access::kReadWrite;
  const UniqueFd loop = VENEER_TRY(OpenDevice(number, writable ? O_RDWR : O_RDONLY));
  loop_config config{};
  config.fd = static_cast<__u32>(file.get());
  config.block_size = static_cast<__u32>(options.block_size.value());
  config.info.lo_flags = LO_FLAGS_DIRECT_IO | (writable ? 0U : unsigned{LO_FLAGS_READ_ONLY});
  // For people only: the field holds 63 bytes.
  std::memcpy(config.info.lo_file_name, name.data(),
              std::min(name.size(), sizeof config.info.lo_file_name - 1));
  if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return {};
  const int error = errno;
  return FailErrno(error, fmt::format("put {} on {}", DevicePath(number), name),
                   error == EBUSY ? "another file is on it" : "");
}

Result<unsigned> NumberOf(std::string_view device) {
  constexpr std::string_view kPrefix = "/dev/loop";
  unsigned number = 0;
  const std::string_view digits = device.substr(std::min(kPrefix.size(), device.size()));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (!device.starts_with(kPrefix) || error != std::errc{} ||
      end != digits.data() + digits.size()) {
    return Fail(ErrorKind::kNotFound, fmt::format("{} is no loop device", device));
  }
  return number;
}

// The numbers of all devices that have a file behind them.
std::vector<unsigned> BoundNumbers() {
  std::vector<unsigned> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    const Result<unsigned> number = NumberOf("/dev/" + entry.path().filename().string());
    if (number && IsBound(*number)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

bool HasBehindIt(unsigned number, const FileIdentity& file, const std::string& path) {
  const Result<UniqueFd> loop = OpenDevice(number, O_RDONLY);
  loop_info64 info{};
  if (loop && ::ioctl(loop->get(), LOOP_GET_STATUS64, &info) == 0) {
    return info.lo_device == file.device && info.lo_inode == file.inode;
  }
  return ReadLineOr(SysPath(number, "backing_file"), "") == path;
}

Result<void> WriteBack(const UniqueFd& loop, const LoopDevice& device) {
  if (::fsync(loop.get()) == 0) return {};
  return FailErrno(errno, fmt::format("write back {}", device.path));
}

Error StillOpen(const LoopDevice& device) {
  return Error{ErrorKind::kConflict, EBUSY, fmt::format("{} is in use", device.path),
               "close what has it open"};
}

// Takes back a LOOP_CLR_FD that became "clear when the last one closes it".
Result<void> KeepAfterAll(const LoopDevice& device) {
  const UniqueFd loop = VENEER_TRY(OpenDevice(device.number, O_RDONLY));
  loop_info64 info{};
  if (::ioctl(loop.get(), LOOP_GET_STATUS64, &info) != 0) {
    if (errno == ENXIO) return {};  // free now: the last one has just closed it
    return FailErrno(errno, fmt::format("ask {} for its state", device.path));
  }
  info.lo_flags &= ~unsigned{LO_FLAGS_AUTOCLEAR};
  if (::ioctl(loop.get(), LOOP_SET_STATUS64, &info) != 0) {
    return FailErrno(errno, fmt::format("keep {} attached", device.path));
  }
  return Fail(StillOpen(device));
}

}  // namespace

Result<LoopDevice> LinuxLoopControl::Attach(const std::string& file, const LoopOptions& options) {
  const UniqueFd control = VENEER_TRY(OpenControl());
  const int flags = options.access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  const UniqueFd backing(::open(file.c_str(), flags | O_CLOEXEC));
  if (!backing.valid()) return FailErrno(errno, fmt::format("open {}", file));
  Result<void> configured;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const unsigned number = options.number ? *options.number : VENEER_TRY(FreeNumber(control));
    configured = Configure(number, backing, file, options);
    if (configured) return Describe(number);
    if (configured.error().os_errno != EBUSY || options.number) break;
  }
  return Fail(configured.error());
}

Result<std::vector<LoopDevice>> LinuxLoopControl::Find(const FileIdentity& file,
                                                       const std::string& path) const {
  std::vector<LoopDevice> devices;
  for (const unsigned number : BoundNumbers()) {
    if (HasBehindIt(number, file, path)) devices.push_back(Describe(number));
  }
  return devices;
}

Result<std::string> LinuxLoopControl::BackingFile(const std::string& device) const {
  const unsigned number = VENEER_TRY(NumberOf(device));
  if (!IsBound(number)) {
    return Fail(ErrorKind::kNotFound, fmt::format("no file is behind {}", device));
  }
  return ReadLineOr(SysPath(number, "backing_file"), "");
}

Result<void> LinuxLoopControl::Detach(const LoopDevice& device, OnWriteError on_write_error) {
  if (!IsBound(device.number)) return {};
  UniqueFd loop;
  // An exclusive opener is a mounted file system, a device on top, a swap area or a mkfs.
  const bool mine = WaitUntil(patience_, [&] {
    Result<UniqueFd> opened = OpenDevice(device.number, O_RDONLY | O_EXCL);
    if (!opened) return opened.error().os_errno != EBUSY;
    loop = *std::move(opened);
    return true;
  });
  if (!mine) return Fail(StillOpen(device));
  if (!loop.valid()) return Fail(OpenDevice(device.number, O_RDONLY | O_EXCL).error());
  Result<void> written = WriteBack(loop, device);
  if (!written && on_write_error == OnWriteError::kKeep) return written;
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) {
    return FailErrno(errno, fmt::format("free {}", device.path));
  }
  loop.Close();
  // With other openers the kernel has only marked it; it is free when the last one is gone.
  if (WaitUntil(patience_, [&] { return !IsBound(device.number); })) return {};
  return KeepAfterAll(device);
}

}  // namespace veneer
