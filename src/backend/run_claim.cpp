#include "backend/run_claim.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kPatienceWithUsers = std::chrono::seconds(1);

std::string FileOf(const std::string& root) { return root + "/run"; }

// The one path of a directory, by whatever links it was named.
std::string PathOf(const std::string& run) {
  std::error_code error;
  const fs::path absolute = fs::absolute(run, error);
  fs::path resolved = fs::weakly_canonical(absolute, error);
  if (error) resolved = absolute.lexically_normal();
  if (!resolved.has_filename()) resolved = resolved.parent_path();
  return resolved.string();
}

// Empty where none is recorded: also where its line has no end, for whoever wrote it was cut off.
Result<std::string> Recorded(int fd, const std::string& root) {
  std::array<char, PATH_MAX + 1> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  if (size < 0) return FailErrno(errno, fmt::format("read {}", FileOf(root)));
  std::string_view line(text.data(), static_cast<std::size_t>(size));
  if (!line.ends_with('\n')) return std::string();
  line.remove_suffix(1);
  return std::string(line);
}

Result<void> Record(int fd, const std::string& root, const std::string& path) {
  const std::string line = path + "\n";
  const auto size = static_cast<ssize_t>(line.size());
  const bool emptied = ::ftruncate(fd, 0) == 0;
  const ssize_t written = emptied ? ::pwrite(fd, line.data(), line.size(), 0) : -1;
  if (written == size) return {};
  return FailErrno(written < 0 ? errno : ENOSPC, fmt::format("write {}", FileOf(root)));
}

std::unexpected<Error> Another(const std::string& root, const std::string& recorded) {
  return Fail(ErrorKind::kConflict, fmt::format("what runs of {} is below {}", root, recorded),
              fmt::format("use --run {}", recorded));
}

// What is recorded is rewritten where nobody uses it. The caller has no lock, and has none then.
Result<void> TryToRecord(int fd, const std::string& root, const std::string& path,
                         const RunClaim::AtRest& at_rest) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return {};
  const std::string recorded = VENEER_TRY(Recorded(fd, root));
  const bool free = recorded.empty() || VENEER_TRY(at_rest(recorded));
  if (!free) return Another(root, recorded);
  VENEER_TRY(Record(fd, root, path));
  ::flock(fd, LOCK_UN);
  return {};
}

// False: others use the file just now.
Result<bool> TryToClaim(int fd, const std::string& root, const std::string& path,
                        const RunClaim::AtRest& at_rest) {
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) return false;
  if (VENEER_TRY(Recorded(fd, root)) == path) return true;
  ::flock(fd, LOCK_UN);
  VENEER_TRY(TryToRecord(fd, root, path, at_rest));
  return false;
}

// Whoever is to make room on a full host works without a claim that takes room.
Result<RunClaim> WithoutRoom(std::unexpected<Error> failure) {
  const int why = failure.error().os_errno;
  if (why == ENOSPC || why == EDQUOT) return RunClaim();
  return failure;
}

}  // namespace

Result<RunClaim> RunClaim::Take(const std::string& root, const std::string& run,
                                const AtRest& at_rest) {
  const std::string path = PathOf(run);
  UniqueFd fd(::open(FileOf(root).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return WithoutRoom(FailErrno(errno, fmt::format("open {}", FileOf(root))));
  const std::string before = VENEER_TRY(Recorded(fd.get(), root));
  // Where one is recorded, whoever has the file may be a daemon that uses that one.
  const auto patience = before.empty() || before == path ? kPatience : kPatienceWithUsers;
  Result<bool> claimed = false;
  WaitUntil(patience, [&] {
    claimed = TryToClaim(fd.get(), root, path, at_rest);
    return !claimed || *claimed;
  });
  if (!claimed) return WithoutRoom(Fail(claimed.error()));
  if (*claimed) return RunClaim(std::move(fd));
  return Another(root, VENEER_TRY(Recorded(fd.get(), root)));
}

Result<void> RunClaim::Look(const std::string& root, const std::string& run,
                            const AtRest& at_rest) {
  const UniqueFd fd(::open(FileOf(root).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return {};
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", FileOf(root)));
  const std::string recorded = VENEER_TRY(Recorded(fd.get(), root));
  if (recorded.empty() || recorded == PathOf(run)) return {};
  const bool free = VENEER_TRY(at_rest(recorded));
  if (free) return {};
  return Another(root, recorded);
}

}  // namespace veneer
