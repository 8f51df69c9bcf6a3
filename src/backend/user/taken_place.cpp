#include "backend/user/taken_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "backend/run_directory.h"
#include "backend/user/control_socket.h"
#include "backend/user/leftovers.h"
#include "backend/user/server_log.h"

namespace veneer {

Result<void> TakenPlace::Take(const std::string& run_dir, const DiskRecord& record,
                              const HostPorts& ports, const std::function<Result<void>()>& appear) {
  const DiskFiles files = FilesOfDisk(run_dir, record.path);
  VENEER_TRY(PrepareRunDirectory(files.directory));
  const UniqueFd lock = VENEER_TRY(LockRunDirectory(files.directory));
  VENEER_TRY(ClearPlace(record.path, files, ports));
  control_ = VENEER_TRY(ListenAt(files.Socket()));
  files_ = files;  // from here on there are traces
  StartLog(files.Log());
  Result<void> appeared = appear();
  if (!appeared) Leave(record, LogFile::kRemove);
  return appeared;
}

Result<void> TakenPlace::Write(const DiskRecord& record) const {
  const std::string path = files_.Record();
  const std::string hidden = path + ".new";
  const std::string text = EncodeRecord(record) + "\n";
  const UniqueFd fd(
      ::open(hidden.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(errno, fmt::format("write {}", hidden));
  const bool written =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(hidden.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(hidden.c_str());
  return FailErrno(error, fmt::format("write {}", path));
}

void TakenPlace::Leave(const DiskRecord& record, LogFile log) {
  if (files_.key.empty()) return;
  RemovePlace(record);
  ::unlink(files_.Record().c_str());
  if (log == LogFile::kRemove) ::unlink(files_.Log().c_str());
  // Last: as long as somebody listens there, the place is taken.
  ::unlink(files_.Socket().c_str());
  files_ = {};
}

Result<void> TakenPlace::LeaveAfter(const Result<void>& flushed, const DiskRecord& record) {
  if (flushed) {
    Leave(record, LogFile::kRemove);
    return {};
  }
  Error error = InContext(flushed.error(), fmt::format("last flush of {}", record.store));
  error.hint = "it is detached; what was written after the last flush that succeeded may be lost";
  Log(error.what);
  Leave(record, LogFile::kKeep);
  return Fail(std::move(error));
}

Result<void> RequireRoom(const Result<void>& flushed, const std::string& path) {
  if (flushed || flushed.error().kind != ErrorKind::kNoSpace) return {};
  Error error = InContext(flushed.error(), fmt::format("detach {}", path));
  error.hint = "make room for the store, then detach again; nothing is lost so far";
  return Fail(std::move(error));
}

}  // namespace veneer
