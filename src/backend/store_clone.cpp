#include "backend/store_clone.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "kernel/linux/linux_file.h"
#include "kernel/linux/new_file.h"

namespace veneer {

Result<void> RequireNewPath(const std::string& clone) {
  // Begun and dropped: what is in its way shows.
  VENEER_TRY(NewFile::Begin(clone, Replace::kNever));
  return {};
}

Result<void> RefuseCloneOn(dev_t device, const std::string& clone) {
  const std::filesystem::path parent = std::filesystem::path(clone).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) return FailErrno(errno, directory);
  if (status.st_dev != device) return {};
  return Fail(ErrorKind::kUsage, fmt::format("{} lies on the disk itself", clone),
              "clone its store to another file system");
}

Result<void> WriteBackDisk(const std::string& path) {
  const auto disk = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  return disk->Sync();
}

Result<void> PublishClone(ClonedFile clone) {
  const auto contents = clone.report.method == CloneMethod::kReflink ? NewFile::Contents::kCloned
                                                                     : NewFile::Contents::kWritten;
  return std::move(clone.file).Publish(contents);
}

std::unexpected<Error> NoCloneOfReadOnly(const std::string& path) {
  return Fail(Error{ErrorKind::kUsage, EROFS, fmt::format("{} is attached read-only", path),
                    "its store does not change: clone the file itself"});
}

}  // namespace veneer
