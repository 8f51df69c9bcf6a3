#include "app/demo/sandbox_disk.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <thread>
#include <utility>

#include "app/output.h"
#include "cow/create.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

using Clock = std::chrono::steady_clock;

// A file indexer or udev's blkid may hold a fresh mount for a moment.
constexpr std::chrono::seconds kBusyFor{5};
constexpr std::chrono::milliseconds kAskAgainAfter{20};

void Complain(const Result<void>& result) {
  if (result) return;
  Error error = result.error();
  error.hint = "take it away by hand";
  (void)std::fputs(RenderErrorLine(error).c_str(), stderr);
}

}  // namespace

SandboxDisk::SandboxDisk(const std::filesystem::path& directory, const std::string& name,
                         std::string origin, std::string run)
    : origin_(std::move(origin)),
      run_(std::move(run)),
      store_(directory / (name + ".cow")),
      at_(directory / (name + ".disk")),
      mount_point_(directory / (name + ".mnt")) {}

SandboxDisk::~SandboxDisk() {
  if (mounted_) Complain(Unmount());
  if (!device_.empty()) Complain(Detach());
}

Result<void> SandboxDisk::Create() {
  const auto origin = VENEER_TRY(LinuxFile::Open(origin_, Access::kReadOnly));
  CreateOptions options;
  options.origin_size = VENEER_TRY(origin->Size());
  VENEER_TRY(CreateStore(store_, options));
  return {};
}

Result<void> SandboxDisk::Attach(DiskAccess access) {
  const AttachRequest request{.store = store_,
                              .origin = origin_,
                              .at = at_,
                              .run_dir = run_,
                              .access = access,
                              .exposure = Exposure::kBlockDevice};
  const Attachment attachment = VENEER_TRY(AttachDisk(request));
  device_ = attachment.device.value_or("");
  access_ = access;
  return {};
}

Result<void> SandboxDisk::Mount() {
  std::error_code error;
  std::filesystem::create_directory(mount_point_, error);
  if (error) return FailErrno(error.value(), fmt::format("make {}", mount_point_.string()));
  const unsigned long read_only = access_ == DiskAccess::kReadOnly ? MS_RDONLY : 0;
  if (::mount(device_.c_str(), mount_point_.c_str(), "ext4",
              read_only | MS_NODEV | MS_NOSUID | MS_NOEXEC, nullptr) != 0) {
    return FailErrno(errno, fmt::format("mount {} on {}", device_, mount_point_.string()));
  }
  mounted_ = true;
  return {};
}

Result<void> SandboxDisk::Unmount() {
  const Clock::time_point deadline = Clock::now() + kBusyFor;
  while (::umount2(mount_point_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    if (errno != EBUSY || Clock::now() > deadline) {
      return FailErrno(errno, fmt::format("unmount {}", mount_point_.string()));
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
  mounted_ = false;
  return {};
}

Result<void> SandboxDisk::Detach() {
  VENEER_TRY(DetachDisk(at_));
  device_.clear();
  return {};
}

Result<Bytes> SandboxDisk::OnDisk() const {
  const auto file = VENEER_TRY(LinuxFile::Open(store_, Access::kReadOnly));
  return file->AllocatedBytes();
}

}  // namespace veneer
