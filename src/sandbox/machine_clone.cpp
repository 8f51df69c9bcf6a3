// Copies of machines: for forks and snapshots.
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cow/clone.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/machine.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kSeedSize = 64;
constexpr std::chrono::seconds kFreshenPatience{60};

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<void> CloneInto(const std::string& from, const std::string& to) {
  const auto file = VENEER_TRY(LinuxFile::Open(from, Access::kReadOnly));
  VENEER_TRY(CloneFile(*file, to));
  return {};
}

Result<void> LinkWhereThere(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("link {} to {}", to, from));
}

Result<Milliseconds> CloneRunning(const Host& host, const SandboxRecord& sandbox,
                                  const std::string& to,
                                  const std::function<Result<void>()>& clone_disk) {
  const std::string memory = host.layout.Memory(sandbox.id);
  const bool own = Exists(memory);
  SaveRequest request{.state = host.layout.State(to),
                      .memory = own ? SavedMemory::kInFile : SavedMemory::kInState,
                      .then = SaveRequest::Then::kGoOn};
  request.while_still = [&]() -> Result<void> {
    VENEER_TRY(clone_disk());
    return own ? CloneInto(memory, host.layout.Base(to)) : Result<void>();
  };
  const auto steps = VENEER_TRY(host.vmm.Save(sandbox.id, request));
  Milliseconds held{};
  for (const VmStep& step : steps) held += step.took;
  return held;
}

// Thirty-two hex digits of its own, and bytes for the kernel's random numbers.
Result<std::string> RandomHex(std::size_t bytes) {
  std::string random(bytes, '\0');
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return FailErrno(errno, "get random bytes");
  }
  std::string hex;
  for (const char c : random) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

// RNDADDENTROPY and RNDRESEEDCRNG (linux/random.h): from here on its numbers are its own.
constexpr const char* kFreshen = R"PERL(
use strict;
my ($name, $id, $seed) = @ARGV;
sub put { my ($path, $text) = @_; open my $f, '>', $path or return; print $f $text; close $f }
open my $random, '+<', '/dev/urandom' or die "no /dev/urandom: $!";
my $bytes = pack 'H*', $seed;
ioctl $random, 0x40085203, pack('i i a*', 8 * length $bytes, length $bytes, $bytes)
  or die "the kernel takes no entropy: $!";
ioctl $random, 0x5207, 0;
put('/proc/sys/kernel/hostname', $name);
put('/etc/hostname', "$name\n");
put('/etc/machine-id', "$id\n");
put('/var/lib/dbus/machine-id', "$id\n") if -f '/var/lib/dbus/machine-id' && !-l _;
)PERL";

}  // namespace

Result<Milliseconds> CloneMachine(const Host& host, const SandboxRecord& sandbox,
                                  const std::string& to,
                                  const std::function<Result<void>()>& clone_disk) {
  const bool runs = sandbox.machine && sandbox.state == SandboxState::kRunning;
  if (runs) return CloneRunning(host, sandbox, to, clone_disk);
  VENEER_TRY(clone_disk());
  if (!HasSavedMachine(host, sandbox)) return Milliseconds(0);
  if (const std::string memory = host.layout.Memory(sandbox.id); Exists(memory)) {
    VENEER_TRY(CloneInto(memory, host.layout.Base(to)));
    VENEER_TRY(LinkWhereThere(host.layout.State(sandbox.id), host.layout.State(to)));
    return Milliseconds(0);
  }
  VENEER_TRY(ShareMachine(host, sandbox.id, to));
  return Milliseconds(0);
}

Result<void> ShareMachine(const Host& host, const std::string& from, const std::string& to) {
  VENEER_TRY(LinkWhereThere(host.layout.Base(from), host.layout.Base(to)));
  return LinkWhereThere(host.layout.State(from), host.layout.State(to));
}

Result<void> FreshenMachine(const Host& host, const SandboxRecord& record) {
  if (!record.machine) return {};
  constexpr std::size_t kIdSize = 16;
  const std::string id = VENEER_TRY(RandomHex(kIdSize));
  const std::string seed = VENEER_TRY(RandomHex(kSeedSize));
  std::string complaint;
  const ExecRequest request{.argv = {"perl", "-e", kFreshen, record.name, id, seed},
                            .timeout = kFreshenPatience,
                            .output_limit = KiB(4),
                            .output = [&](ExecStream, std::string_view text) -> Result<void> {
                              complaint += text;
                              return {};
                            }};
  const ExecEnd end = VENEER_TRY(host.vmm.Exec(record.id, request));
  if (ShellStatus(end) == 0) return {};
  return Fail(
      ErrorKind::kFailed,
      fmt::format("{} does not get an identity of its own: {}", record.id,
                  complaint.empty() ? "no word why" : complaint.substr(0, complaint.find('\n'))));
}

}  // namespace veneer
