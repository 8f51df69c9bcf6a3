#include "catalog/sqlite_error.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace veneer {
namespace {

constexpr int kPrimaryCode = 0xff;

// SQLite needs byte-range locks on the file, and memory that is shared through another.
bool IsAboutLocks(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_LOCK:
    case SQLITE_IOERR_RDLOCK:
    case SQLITE_IOERR_UNLOCK:
    case SQLITE_IOERR_CHECKRESERVEDLOCK:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMLOCK:
    case SQLITE_IOERR_SHMMAP:
      return true;
    default:
      return false;
  }
}

ErrorKind KindOf(const SQLite::Exception& exception, int os_errno) {
  // A quota and a full table of files are told by the errno alone.
  const bool no_space = os_errno != 0 && KindOfErrno(os_errno) == ErrorKind::kNoSpace;
  switch (exception.getErrorCode() & kPrimaryCode) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::kConflict;
    case SQLITE_FULL:
      return ErrorKind::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorKind::kCorrupt;
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL:
      return ErrorKind::kUnsupported;
    case SQLITE_CANTOPEN:
      return no_space ? ErrorKind::kNoSpace : ErrorKind::kFailed;
    case SQLITE_IOERR:
      if (no_space) return ErrorKind::kNoSpace;
      return IsAboutLocks(exception.getExtendedErrorCode()) ? ErrorKind::kUnsupported
                                                            : ErrorKind::kFailed;
    default:
      return ErrorKind::kFailed;
  }
}

std::string HintOf(const SQLite::Exception& exception, ErrorKind kind, const std::string& path) {
  switch (kind) {
    case ErrorKind::kConflict:
      return "another command has kept the catalog for 10 seconds: try again, or find it and end "
             "it";
    case ErrorKind::kNoSpace:
      return fmt::format("make room on the file system of {}", path);
    case ErrorKind::kCorrupt:
      return DamagedHint(path);
    case ErrorKind::kUnsupported:
      return "keep the state directory on a local file system";
    default:
      break;
  }
  switch (exception.getErrorCode() & kPrimaryCode) {
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return fmt::format("{} must be a file that this user may read and write, in such a directory",
                         path);
    default:
      return {};
  }
}

}  // namespace

std::string DamagedHint(const std::string& path) {
  return fmt::format(
      "restore {} from a backup, and remove the -wal and -shm files beside it; the stores are not "
      "touched by this, and the cow commands work on "
      "them",
      path);
}

Error SqliteError(const SQLite::Exception& exception, int os_errno, std::string_view step,
                  const std::string& path) {
  const ErrorKind kind = KindOf(exception, os_errno);
  return Error{kind, kind == ErrorKind::kCorrupt ? 0 : os_errno,
               fmt::format("{} ({}): {}", step, path, exception.what()),
               HintOf(exception, kind, path)};
}

}  // namespace veneer
