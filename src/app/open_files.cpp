#include "app/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>

namespace veneer {
namespace {

// A connection, and the file of its upload; and what the daemon has for itself: catalogs, locks,
// pipes to what it starts.
constexpr std::size_t kEach = 2;
constexpr std::size_t kOwn = 512;

}  // namespace

Result<void> AllowOpenFiles(std::size_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return FailErrno(errno, "ask for the open files");
  const rlim_t needed = kEach * connections + kOwn;
  if (limit.rlim_cur >= needed) return {};
  if (limit.rlim_max < needed) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--max-connections {} takes {} open files, and this host allows {}",
                            connections, needed, limit.rlim_max),
                "fewer connections, or a higher limit: LimitNOFILE= of the unit, ulimit -n");
  }
  limit.rlim_cur = needed;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return FailErrno(errno, "allow more open files");
  return {};
}

}  // namespace veneer
