#include "base/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace veneer {

int ExitStatus(ErrorKind kind) { return static_cast<int>(kind); }

std::string_view KindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return "failed";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kNoSpace:
      return "no_space";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kUnsupported:
      return "unsupported";
  }
  return "failed";
}

ErrorKind KindOfErrno(int os_errno) {
  switch (os_errno) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
      return ErrorKind::kNotFound;
    case EEXIST:
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
      return ErrorKind::kConflict;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return ErrorKind::kNoSpace;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorKind::kUnsupported;
    default:
      return ErrorKind::kFailed;
  }
}

Error ErrnoError(int os_errno, std::string_view step, std::string_view hint) {
  std::string what{step};
  what += ": ";
  what += std::generic_category().message(os_errno);
  return Error{KindOfErrno(os_errno), os_errno, std::move(what), std::string{hint}};
}

int ErrnoOf(const Error& error) {
  if (error.os_errno != 0) return error.os_errno;
  switch (error.kind) {
    case ErrorKind::kUsage:
      return EINVAL;
    case ErrorKind::kNotFound:
      return ENOENT;
    case ErrorKind::kConflict:
      return EBUSY;
    case ErrorKind::kNoSpace:
      return ENOSPC;
    case ErrorKind::kUnsupported:
      return EOPNOTSUPP;
    case ErrorKind::kFailed:
    case ErrorKind::kCorrupt:
      break;
  }
  return EIO;
}

Error InContext(Error error, std::string_view step) {
  error.what = std::string{step} + ": " + error.what;
  return error;
}

}  // namespace veneer
