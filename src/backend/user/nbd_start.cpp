#include "backend/user/nbd_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/user/serve_loop.h"
#include "kernel/linux/unix_socket.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

// Requests of one client that are served at once.
constexpr const char* kThreads = "16";

// nbdkit ends with its parent where it was handed its socket. The process between it and whoever
// asked for the disk (SpawnDetached) made the session and ends at once; it must have before.
void AwaitAdoption() {
  constexpr std::chrono::seconds kPatience{10};
  WaitUntil(kPatience, [] { return ::getppid() != ::getsid(0); });
}

// The descriptors at the numbers that nbdkit and the plugin expect; `ready` comes behind.
Result<int> Arrange(UniqueFd socket, UniqueFd ready) {
  // Out of the way first: either may be where the other goes.
  const UniqueFd moved_ready(::fcntl(ready.get(), F_DUPFD_CLOEXEC, kNbdSocket + 2));
  const UniqueFd moved_socket(::fcntl(socket.get(), F_DUPFD_CLOEXEC, kNbdSocket + 2));
  if (!moved_ready.valid() || !moved_socket.valid()) return FailErrno(errno, "copy a descriptor");
  // Standard output, where a test reads it: nbdkit wants that to be open.
  if (ready.get() <= STDERR_FILENO) {
    ::fcntl(ready.Release(), F_SETFD, 0);
  }
  ready.Close();
  socket.Close();
  if (::dup2(moved_socket.get(), kNbdSocket) < 0 || ::dup2(moved_ready.get(), kNbdSocket + 1) < 0) {
    return FailErrno(errno, "copy a descriptor");
  }
  return kNbdSocket + 1;
}

std::vector<std::string> NbdkitArguments(const AttachRequest& request, const NbdkitPaths& paths,
                                         int ready) {
  std::vector<std::string> words{"nbdkit",    "--foreground", "--log=null",
                                 "--threads", kThreads,       paths.plugin};
  const auto add = [&](std::string_view key, std::string_view value) {
    words.push_back(fmt::format("{}={}", key, value));
  };
  add("store", request.store);
  add("origin", request.origin);
  add("readonly", request.access == DiskAccess::kReadOnly ? "true" : "false");
  add(kNbdAtKey, request.at);
  add(kNbdRunKey, request.run_dir);
  add(kNbdReadyKey, std::to_string(ready));
  return words;
}

Error NotStarted(const NbdkitPaths& paths, int error) {
  Error failed = ErrnoError(error, fmt::format("start {}", paths.program));
  failed.kind = ErrorKind::kUnsupported;
  failed.hint = "install nbdkit: apt-get install nbdkit";
  return failed;
}

}  // namespace

int BecomeNbdServer(const AttachRequest& request, UniqueFd ready, const NbdkitPaths& paths) {
  const auto refuse = [](const UniqueFd& to, const Error& error) {
    TellReady(to, Fail(error)).Ignore("nobody waits any more");
    return ExitStatus(error.kind);
  };
  auto socket = NewUnixSocket();
  if (!socket) return refuse(ready, socket.error());
  const Result<int> passed = Arrange(*std::move(socket), std::move(ready));
  if (!passed) return ExitStatus(passed.error().kind);
  std::vector<std::string> words = NbdkitArguments(request, paths, *passed);
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  AwaitAdoption();
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::execv(paths.program.c_str(), pointers.data());
  return refuse(UniqueFd(*passed), NotStarted(paths, errno));
}

}  // namespace veneer
