#include "base/error_hint.h"

namespace veneer {
namespace {

// For an error that comes from so far below that nobody there knew what to advise.
std::string_view GeneralHint(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return "see 'veneer --help'";
    case ErrorKind::kNotFound:
      return "check the name's spelling";
    case ErrorKind::kConflict:
      return "end what uses it, and try again";
    case ErrorKind::kNoSpace:
      return "make room there, and try again";
    case ErrorKind::kCorrupt:
      return "restore it from a copy";
    case ErrorKind::kUnsupported:
      return "use another host, or another option";
    case ErrorKind::kFailed:
      break;
  }
  return "the kernel's log (dmesg) may say more";
}

}  // namespace

std::string_view HintOf(const Error& error) {
  return error.hint.empty() ? GeneralHint(error.kind) : std::string_view(error.hint);
}

}  // namespace veneer
