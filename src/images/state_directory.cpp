#include "images/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "kernel/linux/linux_file.h"
#include "kernel/linux/new_file.h"

namespace veneer {
namespace {

using Can = FileSystemAbilities::Can;

// Small enough for a file system that writes zeros in place of the hole.
constexpr Bytes kProbe = MiB(16);

Result<Can> TrySparse(LinuxFile& file) {
  const std::array<std::byte, 512> sector{std::byte{1}};
  VENEER_TRY(file.Resize(kProbe));
  VENEER_TRY(file.WriteAt(ByteOffset(0) + (kProbe - Bytes(sector.size())), sector));
  VENEER_TRY(file.Sync());  // blocks are counted when they have been taken
  const Bytes allocated = VENEER_TRY(file.AllocatedBytes());
  return allocated.value() <= kProbe.value() / 2 ? Can::kYes : Can::kNo;
}

Result<Can> TryLocks(const LinuxFile& file) {
  const std::string path = fmt::format("/proc/self/fd/{}", file.fd().get());
  const UniqueFd other(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!other.valid()) return FailErrno(errno, fmt::format("open {} again", file.name()));
  // A file with a hidden name has its lock already; to take it again changes nothing.
  if (!file.TryLock(LinuxFile::Lock::kExclusive)) return Can::kNo;
  const bool kept_out = ::flock(other.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return kept_out ? Can::kYes : Can::kNo;
}

}  // namespace

Result<void> JudgeStateDirectory(const FileSystemAbilities& abilities,
                                 const std::string& directory) {
  std::string lacks;
  if (abilities.sparse_files == Can::kNo) lacks = "sparse files";
  if (abilities.locks == Can::kNo) lacks += lacks.empty() ? "file locks" : " and file locks";
  if (lacks.empty()) return {};
  return Fail(ErrorKind::kUnsupported,
              fmt::format("the file system of {} has no {}", directory, lacks),
              "put the state directory on ext4, XFS or btrfs");
}

Result<void> RequireUsableStateDirectory(const std::string& directory) {
  NewFile probe = VENEER_TRY(NewFile::Begin(directory + "/.veneer-probe", Replace::kExisting));
  FileSystemAbilities abilities;
  abilities.sparse_files = VENEER_TRY(TrySparse(probe.file()));
  abilities.locks = VENEER_TRY(TryLocks(probe.file()));
  return JudgeStateDirectory(abilities, directory);
}

}  // namespace veneer
