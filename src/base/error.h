// An expected failure, as a value.
//
// Callers branch on `kind` alone; the rest is for people. Kinds map one to one
// to the exit statuses of the command line and to HTTP statuses of the API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace veneer {

enum class ErrorKind : std::uint8_t {
  kFailed = 1,       // the operation failed (I/O error, no permission, …)
  kUsage = 2,        // the request itself makes no sense
  kNotFound = 3,     // no such object
  kConflict = 4,     // exists, wrong state, busy
  kNoSpace = 5,      // out of space or over a limit
  kCorrupt = 6,      // data that breaks the format, or that does not belong together
  kUnsupported = 7,  // this host cannot do it
};

struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  int os_errno = 0;  // 0 where no system call failed
  std::string what;  // the step that failed and on what: "open /a/b: No such file or directory"
  std::string hint;  // what to do about it; may be empty
};

// The status with which `veneer` exits for an error of this kind.
int ExitStatus(ErrorKind kind);

// Stable lower-case name, used in JSON: "conflict".
std::string_view KindName(ErrorKind kind);

// The kind that fits an errno value (ENOSPC: kNoSpace, EBUSY: kConflict, …).
ErrorKind KindOfErrno(int os_errno);

// An error of a failed system call; `step` says what was tried ("open /a/b").
Error ErrnoError(int os_errno, std::string_view step, std::string_view hint = {});

// The errno that tells an error to a caller who knows nothing else (a FUSE client).
int ErrnoOf(const Error& error);

// "step: what", the rest unchanged: for a caller that knows more of the purpose.
Error InContext(Error error, std::string_view step);

}  // namespace veneer
