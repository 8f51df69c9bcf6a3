#include "scenario/scenario.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "base/unique_fd.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/read_text.h"
#include "kernel/nbd_address.h"

namespace veneer::scenario {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kPatience{1};

bool HostCanAttach() {
  const UniqueFd loops(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  return ::geteuid() == 0 && loops.valid() && fuse.valid();
}

}  // namespace

void ScenarioTest::SetUp() {
  if (!HostCanAttach()) GTEST_SKIP() << "needs root, FUSE and loop devices";
}

void ScenarioTest::TearDown() {
  if (IsSkipped()) return;
  ExpectNothingIsLeft();
  CleanUp();
}

void ScenarioTest::ExpectNothingIsLeft() const {
  EXPECT_EQ(Mounts(), std::vector<std::string>{});
  EXPECT_EQ(Loops(), std::vector<std::string>{});
  EXPECT_EQ(Servers(), std::vector<pid_t>{});
  EXPECT_EQ(RunFiles(), std::vector<std::string>{});
}

// In the order in which they hold each other. The loop devices are looked up first: on a file that
// was unmounted lazily they have no path any more.
void ScenarioTest::CleanUp() const {
  for (const pid_t server : Servers()) Kill(server);
  const std::vector<std::string> loops = Loops();
  std::vector<std::string> mounts = Mounts();
  std::reverse(mounts.begin(), mounts.end());
  for (const std::string& path : mounts) ::umount2(path.c_str(), MNT_DETACH);
  for (const std::string& device : loops) {
    support::Run({"losetup", "--detach", device});
  }
}

support::Outcome ScenarioTest::Veneer(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"--root", dir_ / "root", "--run", run_});
  return support::RunVeneer(arguments);
}

std::string ScenarioTest::Ok(const std::vector<std::string>& arguments) const {
  const support::Outcome outcome = Veneer(arguments);
  EXPECT_EQ(outcome.status, 0) << ::testing::PrintToString(arguments) << outcome.err;
  EXPECT_FALSE(outcome.timed_out) << ::testing::PrintToString(arguments);
  return outcome.out;
}

std::string ScenarioTest::MustRun(const std::vector<std::string>& argv) {
  const support::Outcome outcome = support::Run(argv);
  EXPECT_EQ(outcome.status, 0) << ::testing::PrintToString(argv) << outcome.out << outcome.err;
  return outcome.out;
}

void ScenarioTest::MakeDisk(unsigned mebibytes, const std::string& chunk_size) {
  support::WriteFile(origin_, std::string(std::size_t{1} << 20U, 'o'));
  fs::resize_file(origin_, std::uintmax_t{mebibytes} << 20U);
  Ok({"cow", "create", store_, "--origin", origin_, "--chunk-size", chunk_size});
}

std::vector<std::string> ScenarioTest::AttachCommand(
    const std::string& at, const std::vector<std::string>& options) const {
  std::vector<std::string> arguments{"cow",   "attach", store_, "--origin",
                                     origin_, "--at",   at,     "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

Attached ScenarioTest::Attach(const std::string& at,
                              const std::vector<std::string>& options) const {
  const std::string out = Ok(AttachCommand(at, options));
  const auto json = nlohmann::json::parse(out, nullptr, false);
  if (!json.is_object()) return {};
  EXPECT_EQ(json.value("backend", ""), "user");
  return {.path = json.value("path", ""), .device = json.value("device", "")};
}

pid_t ScenarioTest::ServerOf(const std::string& path) const {
  const auto socket = SocketInUri(path);
  const auto mount = socket ? std::nullopt : LinuxMounts().At(path).value();
  if (!mount && !socket) return -1;
  const auto server = ConnectTo(socket ? FilesOfDisk(run_, *socket).Socket() : mount->source);
  return server ? server->peer_pid : -1;
}

bool ScenarioTest::WaitForEnd(pid_t process) {
  const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!fd.valid()) return errno == ESRCH;
  pollfd poll{.fd = fd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1;
}

void ScenarioTest::Kill(pid_t server) {
  ASSERT_TRUE(support::Signal(server, SIGKILL));
  EXPECT_TRUE(WaitForEnd(server));
}

std::vector<std::string> ScenarioTest::Mounts() const {
  std::vector<std::string> paths;
  const std::vector<MountEntry> table = LinuxMounts().List().value();
  for (const MountEntry& entry : table) {
    if (entry.path.starts_with(dir_.path().string() + "/")) paths.push_back(entry.path);
  }
  return paths;
}

std::vector<std::string> ScenarioTest::Loops() const {
  std::vector<std::string> devices;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const std::string file = ReadLineOr(entry.path() / "loop/backing_file", "");
    if (file.starts_with(dir_.path().string() + "/")) {
      devices.push_back("/dev/" + entry.path().filename().string());
    }
  }
  return devices;
}

std::vector<pid_t> ScenarioTest::Servers() const {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    const std::string words = ReadLineOr(entry.path() / "cmdline", "");
    const std::string serve{"\0serve\0", 7};
    const bool serves = words.contains(serve) || words.contains("nbdkit-veneer-plugin.so");
    if (serves && words.contains(dir_.path().string())) pids.push_back(pid);
  }
  return pids;
}

std::vector<std::string> ScenarioTest::RunFiles() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run_ + "/disks", error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

Complaint ComplaintOf(const support::Outcome& outcome) {
  const auto json = nlohmann::json::parse(outcome.err, nullptr, false);
  if (!json.is_object() || !json.contains("error")) return {.kind = "", .message = outcome.err};
  const auto& error = json["error"];
  return {.kind = error.value("kind", ""),
          .message = error.value("message", "") + "; " + error.value("hint", "")};
}

}  // namespace veneer::scenario
