#include "cow/clone.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/unique_fd.h"
#include "kernel/linux/range_copier.h"

namespace veneer {
namespace {

Result<void> CopyAll(const LinuxFile& from, LinuxFile& to, Bytes size,
                     const std::function<void(Bytes, Bytes)>& progress) {
  // A block device takes no blocks of a file system: all of it may be data.
  const Bytes allocated = VENEER_TRY(from.AllocatedBytes());
  const Bytes all = allocated == Bytes(0) ? size : std::min(allocated, size);
  Bytes done;
  const auto advance = [&](Bytes copied) {
    done += copied;
    // Extents may hold more than the blocks in use say: unwritten ones, or the rest of a block.
    if (progress) progress(std::min(done, all), all);
  };
  VENEER_TRY(to.Resize(size));
  RangeCopier copier(RangeCopier::Sharing::kAllowed);
  VENEER_TRY(copier.CopyData(from, ByteOffset(0), to, ByteOffset(0), size, advance));
  if (progress) progress(all, all);
  return {};
}

}  // namespace

Result<void> TrySharing(const std::string& directory) {
  constexpr int kNameless = O_TMPFILE | O_RDWR | O_CLOEXEC;
  const UniqueFd from(::open(directory.c_str(), kNameless, 0600));
  const UniqueFd to(::open(directory.c_str(), kNameless, 0600));
  const std::string block(4096, 'v');
  const bool shared = from.valid() && to.valid() &&
                      ::write(from.get(), block.data(), block.size()) > 0 &&
                      ::ioctl(to.get(), FICLONE, from.get()) == 0;
  if (shared) return {};
  return FailErrno(errno, directory);
}

Result<ClonedFile> BeginClone(const LinuxFile& from, const std::string& path,
                              const std::function<void(Bytes, Bytes)>& progress) {
  NewFile file = VENEER_TRY(NewFile::Begin(path, Replace::kNever));
  CloneReport report{.method = CloneMethod::kReflink, .size = VENEER_TRY(from.Size())};
  const auto cloned = RangeCopier::CloneWhole(from, file.file());
  if (cloned) {
    if (progress) progress(report.size, report.size);
  } else if (cloned.error().kind == ErrorKind::kUnsupported) {
    report.method = CloneMethod::kCopy;
    VENEER_TRY(CopyAll(from, file.file(), report.size, progress));
  } else {
    return Fail(cloned.error());
  }
  return ClonedFile{std::move(file), report};
}

Result<CloneReport> CloneFile(const LinuxFile& from, const std::string& path,
                              const std::function<void(Bytes, Bytes)>& progress) {
  ClonedFile clone = VENEER_TRY(BeginClone(from, path, progress));
  VENEER_TRY(std::move(clone.file)
                 .Publish(clone.report.method == CloneMethod::kReflink
                              ? NewFile::Contents::kCloned
                              : NewFile::Contents::kWritten));
  return clone.report;
}

}  // namespace veneer
