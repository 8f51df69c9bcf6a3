#include "lifecycle/sandboxes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "base/unique_fd.h"
#include "kernel/linux/linux_mounts.h"
#include "kernel/linux/read_text.h"
#include "lifecycle/asked.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::Outcome;

constexpr std::size_t kBlock = 4096;

std::string Printed(const std::vector<std::string>& arguments, const Outcome& outcome) {
  return ::testing::PrintToString(arguments) + " " + outcome.out + outcome.err;
}

std::vector<MountEntry> MountsBelow(const std::string& directory) {
  std::vector<MountEntry> mounts = LinuxMounts().List().value();
  std::erase_if(mounts, [&](const auto& each) { return !each.path.starts_with(directory + "/"); });
  return mounts;
}

std::size_t FilesIn(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

}  // namespace

bool SandboxesTest::InGuest() { return std::getenv("VENEER_VM") != nullptr; }

void SandboxesTest::SetUp() {
  asked_ = BeginAsking(root_, run_, dir_.path());
  ImportBase();
}

void SandboxesTest::TearDown() {
  for (const json& sandbox : Ok({"ls"})) Ok({"destroy", sandbox.at("id").get<std::string>()});
  EXPECT_EQ(Leftovers(), std::vector<std::string>{});
  TakeAway();
  asked_.reset();
}

void SandboxesTest::TakeAway() const {
  for (const pid_t server : Servers()) Kill(server);
  for (const std::string& path : Mounts()) ::umount2(path.c_str(), MNT_DETACH);
  for (const std::string& device : Devices()) {
    // One that a killed clone left suspended cannot be removed.
    support::Run({"dmsetup", "resume", device});
    support::Run({"dmsetup", "remove", device});
  }
}

std::vector<std::string> SandboxesTest::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {AskedProgram(), "--root", root_, "--run", run_});
  return arguments;
}

Outcome SandboxesTest::Veneer(const std::vector<std::string>& arguments) const {
  // In a guest the CPU is emulated, and that of a machine in it once more.
  constexpr std::chrono::minutes kHere{2};
  constexpr std::chrono::minutes kInAGuest{15};
  return support::Run(Command(arguments), {.timeout = InGuest() ? kInAGuest : kHere});
}

json SandboxesTest::Ok(std::vector<std::string> arguments) const {
  arguments.emplace_back("--json");
  const Outcome outcome = Veneer(arguments);
  EXPECT_EQ(outcome.status, 0) << Printed(arguments, outcome);
  EXPECT_FALSE(outcome.timed_out) << Printed(arguments, outcome);
  json value = json::parse(outcome.out, nullptr, false);
  EXPECT_FALSE(value.is_discarded()) << Printed(arguments, outcome);
  return value;
}

std::string SandboxesTest::Refused(int status, const std::vector<std::string>& arguments) const {
  const Outcome outcome = Veneer(arguments);
  EXPECT_EQ(outcome.status, status) << Printed(arguments, outcome);
  EXPECT_FALSE(outcome.err.empty()) << Printed(arguments, outcome);
  return outcome.err;
}

void SandboxesTest::ImportBase() const {
  const std::string image = Path("base.img");
  support::WriteFile(image, std::string(kBlock, 'b'));
  fs::resize_file(image, std::uintmax_t{16} << 20U);
  Ok({"template", "import", "base", image});
}

json SandboxesTest::Create(const std::string& name, const std::vector<std::string>& options) const {
  std::vector<std::string> arguments{"create", "base", "--name", name, "--backend", Backend()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return Ok(arguments);
}

std::string SandboxesTest::StateOf(const std::string& name) const {
  return Show(name).value("state", "");
}

std::string SandboxesTest::DiskOf(const std::string& name) const {
  const json sandbox = Show(name);
  EXPECT_TRUE(sandbox.at("path").is_string()) << sandbox;
  return sandbox.at("path").is_string() ? sandbox.at("path").get<std::string>() : "";
}

bool SandboxesTest::TryWrite(const std::string& disk, unsigned number, char letter) {
  const UniqueFd fd(::open(disk.c_str(), O_RDWR | O_CLOEXEC));
  const std::string block(kBlock, letter);
  const auto at = static_cast<off_t>(number * kBlock);
  struct stat status{};
  // What can be opened there is the disk, and not what it is mounted on.
  if (fd.valid() && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    EXPECT_GT(status.st_size, 0) << disk;
  }
  return ::pwrite(fd.get(), block.data(), kBlock, at) == static_cast<ssize_t>(kBlock) &&
         ::fsync(fd.get()) == 0;
}

void SandboxesTest::Write(const std::string& disk, unsigned number, char letter) {
  EXPECT_TRUE(TryWrite(disk, number, letter)) << disk;
}

char SandboxesTest::Read(const std::string& disk, unsigned number) {
  const UniqueFd fd(::open(disk.c_str(), O_RDONLY | O_CLOEXEC));
  std::string block(kBlock, '\0');
  const auto at = static_cast<off_t>(number * kBlock);
  EXPECT_EQ(::pread(fd.get(), block.data(), kBlock, at), static_cast<ssize_t>(kBlock)) << disk;
  return std::ranges::all_of(block, [&](char c) { return c == block[0]; }) ? block[0] : '\0';
}

std::string SandboxesTest::StoreOf(const std::string& id) const {
  return root_ + "/sandboxes/" + id + ".cow";
}

std::string SandboxesTest::ImageOf(const std::string& id) const {
  return root_ + "/templates/" + id + ".img";
}

void SandboxesTest::ExpectStoresAreSound() const {
  for (const json& sandbox : Ok({"ls"})) {
    if (sandbox.at("state") != "paused") continue;
    const json origin = Ok({"template", "show", sandbox.at("template").get<std::string>()});
    Ok({"cow", "check", StoreOf(sandbox.at("id").get<std::string>()), "--origin",
        ImageOf(origin.at("id").get<std::string>())});
  }
}

void SandboxesTest::ExpectAllAgree() const {
  const json sandboxes = Ok({"ls"});
  for (const json& sandbox : sandboxes) {
    EXPECT_TRUE(sandbox.at("state") == "running" || sandbox.at("state") == "paused") << sandbox;
  }
  const Expected expected = ExpectedFor(sandboxes);
  ExpectServers(expected.servers);
  EXPECT_EQ(MountsBelow(dir_.path()).size(), expected.servers);
  EXPECT_EQ(Devices(), expected.devices);
  // A loop device goes in its time.
  support::Eventually([&] { return StoresAndEachImageOnce() == expected.loop_files; },
                      std::chrono::minutes(1));
  EXPECT_EQ(StoresAndEachImageOnce(), expected.loop_files);
  EXPECT_EQ(FilesIn(root_ + "/sandboxes"), sandboxes.size());
  EXPECT_EQ(FilesIn(root_ + "/templates"), Ok({"template", "ls"}).size());
  ExpectStoresAreSound();
}

void SandboxesTest::ExpectServers(std::size_t count) const {
  EXPECT_TRUE(
      support::Eventually([&] { return Servers().size() == count; }, std::chrono::minutes(1)))
      << Servers().size() << " servers, not " << count;
}

SandboxesTest::Expected SandboxesTest::ExpectedFor(const json& sandboxes) const {
  Expected expected;
  std::set<std::string> images;
  for (const json& sandbox : sandboxes) {
    if (sandbox.at("state") != "running") continue;
    const std::string id = sandbox.at("id");
    if (sandbox.at("backend") == "user") {
      ++expected.servers;
      continue;
    }
    expected.devices.insert("veneer-" + id);
    expected.loop_files.insert(StoreOf(id));
    images.insert(sandbox.at("template"));
  }
  for (const std::string& name : images) {
    expected.loop_files.insert(ImageOf(Ok({"template", "show", name}).at("id").get<std::string>()));
  }
  return expected;
}

std::vector<std::string> SandboxesTest::Mounts() const {
  std::vector<std::string> paths;
  for (const MountEntry& entry : MountsBelow(dir_.path())) paths.push_back(entry.path);
  return paths;
}

std::set<std::string> SandboxesTest::Devices() const {
  const std::string prefix = "VENEER-" + ReadLineOr(root_ + "/instance", "no instance");
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    if (ReadLineOr(entry.path() / "dm/uuid", "").starts_with(prefix)) {
      names.insert(ReadLineOr(entry.path() / "dm/name", ""));
    }
  }
  return names;
}

std::multiset<std::string> SandboxesTest::LoopFiles() const {
  std::multiset<std::string> files;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const std::string file = ReadLineOr(entry.path() / "loop/backing_file", "");
    if (file.starts_with(dir_ / "")) files.insert(file);
  }
  return files;
}

std::multiset<std::string> SandboxesTest::StoresAndEachImageOnce() const {
  std::multiset<std::string> files = LoopFiles();
  // So many disks share one loop device on an image: there may be several.
  for (auto each = files.begin(); each != files.end();) {
    const auto next = std::next(each);
    const bool again = next != files.end() && *next == *each && each->ends_with(".img");
    each = again ? files.erase(each) : next;
  }
  return files;
}

std::vector<pid_t> SandboxesTest::Processes(std::string_view word) const {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    // One that has just ended cannot be read any more.
    const std::string words = ReadText(entry.path() / "cmdline").value_or("");
    if (words.contains(word) && words.contains(run_)) pids.push_back(pid);
  }
  return pids;
}

std::vector<pid_t> SandboxesTest::Servers() const {
  using namespace std::string_view_literals;
  // A word of its own: each ends with a NUL, and QEMU's "server=on" is no disk's.
  std::vector<pid_t> servers = Processes("\0serve\0"sv);
  const std::vector<pid_t> by_nbd = Processes("nbdkit-veneer-plugin.so");
  servers.insert(servers.end(), by_nbd.begin(), by_nbd.end());
  return servers;
}

bool SandboxesTest::Kill(pid_t process) {
  const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!fd.valid() || ::kill(process, SIGKILL) != 0) return false;
  constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(1);
  pollfd ended{.fd = fd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, static_cast<int>(kPatience.count())), 1) << "process " << process;
  return true;
}

std::vector<std::string> SandboxesTest::Leftovers() const {
  std::vector<std::string> found;
  for (const std::string& path : Mounts()) found.push_back("mount " + path);
  // A server that was told to end may take its moment.
  EXPECT_TRUE(support::Eventually([&] { return Servers().empty(); }, std::chrono::minutes(1)));
  for (const pid_t server : Servers()) found.push_back("server " + std::to_string(server));
  for (const std::string& device : Devices()) found.push_back("device " + device);
  support::Eventually([&] { return LoopFiles().empty(); }, std::chrono::minutes(1));
  for (const std::string& file : LoopFiles()) found.push_back("loop device on " + file);
  for (const char* folder : {"sandboxes", "locks"}) {
    for (const auto& entry : fs::directory_iterator(root_ + "/" + folder)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("sb-")) found.push_back(entry.path());
    }
  }
  return found;
}

}  // namespace veneer::lifecycle
