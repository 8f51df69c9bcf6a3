#include <fmt/format.h>

#include "images/import_steps.h"

namespace veneer {
namespace {

// ENOSPC and EDQUOT in the C locale, and mkfs.ext4 on a full image.
constexpr std::string_view kFull[] = {"No space left on device", "Disk quota exceeded",
                                      "Could not allocate"};

// The first complaint is the cause; those after it are what follows from it.
std::string_view FirstLineOf(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::unexpected<Error> ToolFailed(const ChildEnd& end, const ToolFailure& failure) {
  std::string reason(FirstLineOf(end.errors));
  if (reason.empty()) reason = fmt::format("its program ended with status {}", end.status);
  for (const std::string_view full : kFull) {
    if (!end.errors.contains(full)) continue;
    return Fail(ErrorKind::kNoSpace, fmt::format("{}: {}", failure.what, reason),
                "make room on the file system, or give a larger size");
  }
  return Fail(failure.kind, fmt::format("{}: {}", failure.what, reason), std::string(failure.hint));
}

Result<void> RunTool(const ChildProgram& program, const ToolFailure& failure) {
  const ChildEnd end = VENEER_TRY(RunChild(program));
  if (end.status != 0) return ToolFailed(end, failure);
  return {};
}

}  // namespace veneer
