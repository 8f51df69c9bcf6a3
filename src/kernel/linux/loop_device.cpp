#include "kernel/linux/loop_device.h"

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
#include <system_error>

#include "kernel/linux/device_node.h"
#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

constexpr unsigned kLoopMajor = 7;  // Documentation/admin-guide/devices.txt

std::string DevicePath(unsigned number) { return fmt::format("/dev/loop{}", number); }

std::string SysPath(unsigned number, std::string_view name) {
  return fmt::format("/sys/block/loop{}/loop/{}", number, name);
}

// The block devices on top.
unsigned CountHolders(unsigned number) {
  std::error_code error;
  unsigned count = 0;
  std::filesystem::directory_iterator at(fmt::format("/sys/block/loop{}/holders", number), error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  return count;
}

Result<loop_info64> GetStatus(const UniqueFd& loop, const std::string& path) {
  loop_info64 info{};
  if (::ioctl(loop.get(), LOOP_GET_STATUS64, &info) == 0) return info;
  const int error = errno;
  if (error == ENXIO) {
    return Fail(Error{ErrorKind::kNotFound, error, fmt::format("no file is behind {}", path), ""});
  }
  return FailErrno(error, fmt::format("ask {} for its state", path));
}

std::uint32_t FlagsOf(const LoopOptions& options, LoopLife life) {
  std::uint32_t flags = 0;
  if (options.io == LoopIo::kDirect) flags |= LO_FLAGS_DIRECT_IO;
  if (options.access == Access::kReadOnly) flags |= LO_FLAGS_READ_ONLY;
  if (life == LoopLife::kUntilLastClose) flags |= LO_FLAGS_AUTOCLEAR;
  return flags;
}

}  // namespace

LoopDevice DescribeNewLoop(unsigned number) {
  return {.number = number,
          .path = DevicePath(number),
          .device = makedev(kLoopMajor, number),
          .direct = ReadLineOr(SysPath(number, "dio"), "0") == "1"};
}

LoopDevice DescribeLoop(unsigned number) {
  LoopDevice device = DescribeNewLoop(number);
  device.stacked = CountHolders(number);
  return device;
}

Result<unsigned> LoopNumber(std::string_view device) {
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

bool IsLoopBound(unsigned number) {
  return ::access(SysPath(number, "backing_file").c_str(), F_OK) == 0;
}

std::string LoopBackingPath(unsigned number) {
  return ReadLineOr(SysPath(number, "backing_file"), "");
}

Result<UniqueFd> OpenLoop(unsigned number, int flags) {
  UniqueFd fd = OpenNode(DevicePath(number), flags, S_IFBLK, makedev(kLoopMajor, number));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", DevicePath(number)));
  return fd;
}

Result<LoopStatus> AskLoop(const UniqueFd& loop, const std::string& path) {
  const loop_info64 info = VENEER_TRY(GetStatus(loop, path));
  const bool clears = (info.lo_flags & unsigned{LO_FLAGS_AUTOCLEAR}) != 0;
  return LoopStatus{.file = {.device = info.lo_device, .inode = info.lo_inode},
                    .life = clears ? LoopLife::kUntilLastClose : LoopLife::kUntilDetached};
}

Result<void> KeepLoop(const UniqueFd& loop, const std::string& path) {
  loop_info64 info = VENEER_TRY(GetStatus(loop, path));
  info.lo_flags &= ~unsigned{LO_FLAGS_AUTOCLEAR};
  if (::ioctl(loop.get(), LOOP_SET_STATUS64, &info) == 0) return {};
  return FailErrno(errno, fmt::format("keep {} attached", path));
}

Result<UniqueFd> ConfigureLoop(unsigned number, const UniqueFd& file, const std::string& name,
                               const LoopOptions& options, LoopLife life) {
  // The kernel makes a device read-only that was opened for reading alone.
  const int flags = options.access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  UniqueFd loop = VENEER_TRY(OpenLoop(number, flags));
  loop_config config{};
  config.fd = static_cast<__u32>(file.get());
  config.block_size = static_cast<__u32>(options.block_size.value());
  config.info.lo_flags = FlagsOf(options, life);
  // For people only: the field holds 63 bytes.
  std::memcpy(config.info.lo_file_name, name.data(),
              std::min(name.size(), sizeof config.info.lo_file_name - 1));
  if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return loop;
  const int error = errno;
  return FailErrno(error, fmt::format("put {} on {}", DevicePath(number), name),
                   error == EBUSY ? "another file is on it" : "");
}

}  // namespace veneer
