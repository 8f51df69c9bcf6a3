#include "backend/user/taken_place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "backend/run_directory.h"
#include "backend/user/control_socket.h"
#include "backend/user/leftovers.h"
#include "backend/user/record_file.h"
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

Result<void> TakenPlace::Write(const DiskRecord& record) {
  record_ = VENEER_TRY(WriteRecord(files_, record));
  return {};
}

void TakenPlace::Leave(const DiskRecord& record, LogFile log) {
  if (files_.key.empty()) return;
  RemovePlace(record);
  ::unlink(files_.Record().c_str());
  if (log == LogFile::kRemove) ::unlink(files_.Log().c_str());
  // Last: as long as somebody listens there, the place is taken.
  ::unlink(files_.Socket().c_str());
  files_ = {};
  record_.Close();
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
