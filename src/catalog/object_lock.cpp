#include "catalog/object_lock.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "catalog/directories.h"
#include "catalog/ticket_file.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

using Clock = std::chrono::steady_clock;

// The id becomes a file name.
Result<void> RequireFileName(std::string_view id) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (!id.empty() && std::ranges::all_of(id, fits)) return {};
  return Fail(ErrorKind::kUsage, fmt::format("\"{}\" is no id", id));
}

Error InUse(const std::string& id, const std::optional<LockHolder>& holder) {
  std::string what = holder ? fmt::format("{} is in use by process {} ({}): {}", id, holder->pid,
                                          holder->command, holder->verb)
                            : fmt::format("{} is in use by another process", id);
  return {ErrorKind::kConflict, 0, std::move(what), "wait until it is done, and try again"};
}

Result<void> WaitForTurn(TicketFile& file, const std::string& id, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  Result<bool> turn = false;
  const bool over = WaitUntil(left, [&] {
    turn = file.IsTurn();
    return !turn || *turn;
  });
  if (!turn) return Fail(turn.error());
  if (!over) return Fail(InUse(id, file.ReadHolder()));
  return {};
}

}  // namespace

Result<ObjectLock> ObjectLock::Take(const std::string& locks, const std::string& id,
                                    const std::string& verb, std::chrono::milliseconds patience) {
  VENEER_TRY(RequireFileName(id));
  VENEER_TRY(MakeDirectory(locks));
  const std::string path = fmt::format("{}/{}.lock", locks, id);
  const Clock::time_point deadline = Clock::now() + patience;
  for (;;) {
    TicketFile file = VENEER_TRY(TicketFile::Open(path));
    VENEER_TRY(WaitForTurn(file, id, deadline));
    // Between the open and the turn, another may have removed the file. Nobody can from now on.
    if (!file.IsAtPath()) continue;
    VENEER_TRY(file.Sign(
        {.pid = ::getpid(), .verb = verb, .command = ReadLineOr("/proc/self/comm", "veneer")}));
    return ObjectLock(path, std::move(file).TakeFd());
  }
}

Result<ObjectLock> ObjectLock::TryTake(const std::string& locks, const std::string& id,
                                       const std::string& verb) {
  return Take(locks, id, verb, std::chrono::milliseconds(0));
}

void ObjectLock::Forget() && {
  ::unlink(path_.c_str());
  fd_.Close();
}

}  // namespace veneer
