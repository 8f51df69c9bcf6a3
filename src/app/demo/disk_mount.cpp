#include "app/demo/disk_mount.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "app/output.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/linux_loop_control.h"

namespace veneer {
namespace {

using Clock = std::chrono::steady_clock;

// A file indexer or udev's blkid may hold a fresh mount for a moment.
constexpr std::chrono::seconds kBusyFor{5};
constexpr std::chrono::milliseconds kAskAgainAfter{20};

Result<HeldLoop> LoopOn(const std::string& disk) {
  const auto file = VENEER_TRY(LinuxFile::Open(disk, Access::kReadWrite));
  return LinuxLoopControl().AttachHeld(*file, {});
}

}  // namespace

Result<DiskMount> DiskMount::Mount(const std::string& disk, const std::filesystem::path& at) {
  std::error_code error;
  std::filesystem::create_directory(at, error);
  if (error) return FailErrno(error.value(), fmt::format("make {}", at.string()));
  const bool is_file = std::filesystem::is_regular_file(disk, error);
  if (error) return FailErrno(error.value(), disk);
  std::optional<HeldLoop> loop;
  if (is_file) loop = VENEER_TRY(LoopOn(disk));
  const std::string device = loop ? loop->device.path : disk;
  if (::mount(device.c_str(), at.c_str(), "ext4", MS_NODEV | MS_NOSUID | MS_NOEXEC, nullptr) != 0) {
    return FailErrno(errno, fmt::format("mount {} on {}", device, at.string()));
  }
  return DiskMount(at);
}

DiskMount::DiskMount(DiskMount&& other) noexcept : at_(std::exchange(other.at_, {})) {}

DiskMount::~DiskMount() {
  if (at_.empty()) return;
  const Result<void> unmounted = Unmount();
  if (unmounted) return;
  Error error = unmounted.error();
  error.hint = "take it away by hand";
  (void)std::fputs(RenderErrorLine(error).c_str(), stderr);
}

Result<void> DiskMount::Unmount() {
  const Clock::time_point deadline = Clock::now() + kBusyFor;
  while (::umount2(at_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    if (errno != EBUSY || Clock::now() > deadline) {
      return FailErrno(errno, fmt::format("unmount {}", at_.string()));
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
  at_.clear();
  return {};
}

}  // namespace veneer
