#include "backend/user/server_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace veneer {

void StartLog(const std::string& path) {
  struct stat status{};
  const bool discarded = ::fstat(STDERR_FILENO, &status) == 0 && S_ISCHR(status.st_mode) &&
                         status.st_rdev == makedev(1, 3);  // /dev/null
  if (!discarded) return;
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd fd(::open(path.c_str(), flags, 0600));
  if (fd.valid()) ::dup2(fd.get(), STDERR_FILENO);
}

void Log(const std::string& message) {
  ::syslog(LOG_DAEMON | LOG_ERR, "veneer: %s", message.c_str());
  const std::string line = fmt::format("veneer: {}\n", message);
  // There is nowhere else to say that it failed.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace veneer
