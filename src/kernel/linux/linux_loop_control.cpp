#include "kernel/linux/linux_loop_control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernel/linux/device_node.h"
#include "kernel/linux/loop_device.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

constexpr unsigned kMiscMajor = 10;  // Documentation/admin-guide/devices.txt
constexpr unsigned kLoopControlMinor = 237;
constexpr int kAttempts = 64;  // somebody else may take a free device first, again and again

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
  if (number >= 0) return static_cast<unsigned>(number);
  const int error = errno;
  if (error == ENOSPC || error == ENODEV) {
    return Fail(Error{ErrorKind::kConflict, error, "no loop device is left",
                      "free some that nobody needs: losetup --list shows them all"});
  }
  return FailErrno(error, "find a free loop device");
}

std::optional<FileIdentity> IdentityOf(const UniqueFd& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::nullopt;
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

// Puts the file on a free device, or on the one that the options name.
Result<HeldLoop> Bind(const UniqueFd& file, const std::string& name, const LoopOptions& options,
                      LoopLife life) {
  const UniqueFd control = VENEER_TRY(OpenControl());
  for (int attempt = 1;; ++attempt) {
    const unsigned number = options.number ? *options.number : VENEER_TRY(FreeNumber(control));
    Result<UniqueFd> loop = ConfigureLoop(number, file, name, options, life);
    if (loop) {
      HeldLoop held{.device = DescribeNewLoop(number), .hold = *std::move(loop)};
      held.device.file = IdentityOf(file);
      return held;
    }
    const bool taken = loop.error().os_errno == EBUSY && !options.number;
    if (!taken || attempt == kAttempts) return Fail(std::move(loop).error());
  }
}

// The numbers of all devices that have a file behind them.
std::vector<unsigned> BoundNumbers() {
  std::vector<unsigned> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    const Result<unsigned> number = LoopNumber("/dev/" + entry.path().filename().string());
    if (number && IsLoopBound(*number)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

// The device was freed by somebody, and somebody put another file on it. Where the file behind it
// cannot be asked, it is taken for what it was.
bool IsOnAnotherFile(const UniqueFd& loop, const LoopDevice& device) {
  const Result<LoopStatus> status = AskLoop(loop, device.path);
  return device.file && status && status->file != *device.file;
}

bool HasBehindIt(unsigned number, const FileIdentity& file, const std::string& path) {
  const Result<UniqueFd> loop = OpenLoop(number, O_RDONLY);
  if (loop) {
    const Result<LoopStatus> status = AskLoop(*loop, path);
    if (status) return status->file == file;
  }
  return LoopBackingPath(number) == path;
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
  const UniqueFd loop = VENEER_TRY(OpenLoop(device.number, O_RDONLY));
  const Result<void> kept = KeepLoop(loop, device.path);
  if (kept) return Fail(StillOpen(device));
  // Free now: the last one has just closed it.
  return kept.error().kind == ErrorKind::kNotFound ? Result<void>{} : kept;
}

}  // namespace

Result<LoopDevice> LinuxLoopControl::Attach(const std::string& file, const LoopOptions& options) {
  const int flags = options.access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  const UniqueFd backing(::open(file.c_str(), flags | O_CLOEXEC));
  if (!backing.valid()) return FailErrno(errno, fmt::format("open {}", file));
  const HeldLoop bound = VENEER_TRY(Bind(backing, file, options, LoopLife::kUntilDetached));
  return bound.device;
}

Result<HeldLoop> LinuxLoopControl::AttachHeld(const LinuxFile& file, const LoopOptions& options) {
  return Bind(file.fd(), file.name(), options, LoopLife::kUntilLastClose);
}

Result<HeldLoop> LinuxLoopControl::Hold(unsigned number, const FileIdentity& file) {
  HeldLoop held{.device = DescribeLoop(number), .hold = {}};
  if (!IsLoopBound(number)) {
    return Fail(ErrorKind::kNotFound, fmt::format("no file is behind {}", held.device.path));
  }
  // Asked only once it is open, when it cannot clear itself any more.
  held.hold = VENEER_TRY(OpenLoop(number, O_RDONLY));
  const LoopStatus status = VENEER_TRY(AskLoop(held.hold, held.device.path));
  held.device.file = status.file;
  if (status.file == file) return held;
  return Fail(ErrorKind::kNotFound, fmt::format("another file is behind {}", held.device.path));
}

Result<std::vector<LoopDevice>> LinuxLoopControl::Find(const FileIdentity& file,
                                                       const std::string& path) const {
  std::vector<LoopDevice> devices;
  for (const unsigned number : BoundNumbers()) {
    if (!HasBehindIt(number, file, path)) continue;
    devices.push_back(DescribeLoop(number));
    devices.back().file = file;
  }
  return devices;
}

Result<std::string> LinuxLoopControl::BackingFile(const std::string& device) const {
  const unsigned number = VENEER_TRY(LoopNumber(device));
  if (!IsLoopBound(number)) {
    return Fail(ErrorKind::kNotFound, fmt::format("no file is behind {}", device));
  }
  return LoopBackingPath(number);
}

Result<void> LinuxLoopControl::UpdateSize(const LoopDevice& device) {
  const UniqueFd loop = VENEER_TRY(OpenLoop(device.number, O_RDONLY));
  if (::ioctl(loop.get(), LOOP_SET_CAPACITY) == 0) return {};
  return FailErrno(errno, fmt::format("have {} take on the size of its file", device.path));
}

Result<void> LinuxLoopControl::Detach(const LoopDevice& device, OnWriteError on_write_error) {
  if (!IsLoopBound(device.number)) return {};
  if (const auto looked_at = OpenLoop(device.number, O_RDONLY);
      looked_at && IsOnAnotherFile(*looked_at, device)) {
    return {};
  }
  Result<UniqueFd> opened;
  // An exclusive opener is a mounted file system, a device on top, a swap area or a mkfs.
  const bool mine = WaitUntil(patience_, [&] {
    opened = OpenLoop(device.number, O_RDONLY | O_EXCL);
    return opened || opened.error().os_errno != EBUSY;
  });
  if (!mine) return Fail(StillOpen(device));
  UniqueFd loop = VENEER_TRY(std::move(opened));
  if (IsOnAnotherFile(loop, device)) return {};
  Result<void> written = WriteBack(loop, device);
  if (!written && on_write_error == OnWriteError::kKeep) return written;
  const Result<LoopStatus> before = AskLoop(loop, device.path);
  if (::ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) {
    return FailErrno(errno, fmt::format("free {}", device.path));
  }
  loop.Close();
  // With other openers the kernel has only marked it; it is free when the last one is gone.
  if (WaitUntil(patience_, [&] { return !IsLoopBound(device.number); })) return {};
  // What was to clear itself anyway has not changed.
  if (before && before->life == LoopLife::kUntilLastClose) return Fail(StillOpen(device));
  return KeepAfterAll(device);
}

}  // namespace veneer
