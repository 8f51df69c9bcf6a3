// QemuVmm::Exec: takes a port that nobody uses, and runs the command over it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "kernel/linux/unix_socket.h"
#include "kernel/linux/wait_until.h"
#include "vm/qemu/exec_server.h"
#include "vm/qemu/exec_session.h"
#include "vm/qemu/qemu_vmm.h"

namespace veneer {
namespace {

constexpr std::chrono::seconds kPortPatience{60};

// A port of our own while this lives. The lock's file has a byte in it while a command runs: where
// one is found, whoever ran it died.
class Port {
 public:
  // Nothing where it is in use. The file is there for as long as the machine is: whoever made it
  // anew would get in the way of those who take the machine away.
  static std::optional<Port> TryTake(const VmFiles& files, unsigned number) {
    UniqueFd lock(::open(files.ExecPortLock(number).c_str(), O_RDWR | O_CLOEXEC));
    if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
    return Port(files.ExecPort(number), std::move(lock));
  }

  Result<ExecEnd> Run(const ExecRequest& request) {
    char byte = 0;
    const PortState state =
        ::pread(lock_.get(), &byte, 1, 0) == 1 ? PortState::kUnknown : PortState::kClean;
    if (::pwrite(lock_.get(), "x", 1, 0) != 1) return FailErrno(errno, "mark a port as in use");
    const UniqueFd socket = VENEER_TRY(ConnectToUnix(path_));
    const OverPort over = VENEER_TRY(RunOverPort(socket, state, request));
    const bool clean = over.left == PortState::kClean;
    if (clean && ::ftruncate(lock_.get(), 0) != 0) return FailErrno(errno, "give a port back");
    return over.end;
  }

 private:
  Port(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;
};

}  // namespace

Result<ExecEnd> QemuVmm::Exec(const std::string& id, const ExecRequest& request) {
  const VmFiles files = FilesOf(id);
  std::optional<Port> port;
  Result<void> wanted;
  const bool found = WaitUntil(kPortPatience, [&] {
    wanted = RequireAlive(id);
    if (!wanted) return true;
    for (unsigned n = 0; n < kExecPorts && !port; ++n) port = Port::TryTake(files, n);
    if (request.check) wanted = request.check();
    return port.has_value() || !wanted;
  });
  if (!wanted) return Fail(wanted.error());
  if (!found || !port) {
    return Fail(ErrorKind::kConflict, fmt::format("{} commands run in {} already", kExecPorts, id),
                "wait until one of them has ended");
  }
  return port->Run(request);
}

}  // namespace veneer
