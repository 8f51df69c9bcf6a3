#include "kernel/linux/linux_holders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include "kernel/linux/read_text.h"
#include "kernel/mount_table.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

// What is looked for behind a descriptor: a file by identity, or a block device by its number.
struct Target {
  FileIdentity file;
  std::optional<dev_t> block_device;

  [[nodiscard]] bool Is(const struct statx& status) const {
    if (block_device) {
      return S_ISBLK(status.stx_mode) &&
             makedev(status.stx_rdev_major, status.stx_rdev_minor) == *block_device;
    }
    return makedev(status.stx_dev_major, status.stx_dev_minor) == file.device &&
           status.stx_ino == file.inode;
  }
};

// What the kernel knows by itself: a FUSE server is not asked, and so cannot keep us waiting.
std::optional<struct statx> StatWithoutAsking(const fs::path& path) {
  struct statx status{};
  const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  if (::statx(AT_FDCWD, path.c_str(), flags, STATX_TYPE | STATX_INO, &status) != 0) {
    return std::nullopt;
  }
  return status;
}

std::vector<fs::path> ListDirectory(const fs::path& path) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    entries.push_back(at->path());
  }
  return entries;
}

std::vector<pid_t> OtherProcesses() {
  std::vector<pid_t> pids;
  for (const fs::path& entry : ListDirectory("/proc")) {
    const std::string name = entry.filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size() && pid != ::getpid()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

std::string Named(pid_t pid) {
  return fmt::format("pid {} ({})", pid, ReadLineOr(fmt::format("/proc/{}/comm", pid), "?"));
}

bool HasOpen(pid_t pid, const Target& target) {
  for (const fs::path& link : ListDirectory(fmt::format("/proc/{}/fd", pid))) {
    const auto status = StatWithoutAsking(link);
    if (status && target.Is(*status)) return true;
  }
  return false;
}

// /proc/PID/maps: "begin-end rwxp offset major:minor inode path", numbers of the device in hex.
bool HasMapped(pid_t pid, const FileIdentity& file) {
  const Result<std::string> maps = ReadText(fmt::format("/proc/{}/maps", pid));
  if (!maps) return false;
  const std::string wanted =
      fmt::format(" {:02x}:{:02x} {} ", major(file.device), minor(file.device), file.inode);
  return maps->find(wanted) != std::string::npos;
}

void AddOpeners(const Target& target, std::vector<Holder>& holders) {
  for (const pid_t pid : OtherProcesses()) {
    if (HasOpen(pid, target)) holders.push_back(HolderNamed(pid));
  }
}

// A mapping outlives the descriptor that it was made with. Reading all maps is slow: it is done
// only where nothing else was found.
void AddMappers(const FileIdentity& file, std::vector<Holder>& holders) {
  if (!holders.empty()) return;
  for (const pid_t pid : OtherProcesses()) {
    if (HasMapped(pid, file)) holders.push_back({"mapped by " + Named(pid)});
  }
}

void AddLoops(const LoopControl& loops, const FileIdentity& file, const std::string& path,
              std::vector<Holder>& holders) {
  const auto found = loops.Find(file, path);
  if (!found) return;
  for (const LoopDevice& loop : *found) {
    holders.push_back({.text = "behind " + loop.path, .device = loop.path});
  }
}

std::uint64_t NamespaceOf(const std::string& process) {
  const auto status = StatWithoutAsking(fmt::format("/proc/{}/ns/mnt", process));
  return status ? std::uint64_t{status->stx_ino} : 0;
}

void AddMountsOfNamespace(const std::string& process, const std::string& path, dev_t device,
                          const std::string& suffix, std::vector<Holder>& holders) {
  const Result<std::string> text = ReadText(fmt::format("/proc/{}/mountinfo", process));
  if (!text) return;
  for (const MountEntry& entry : ParseMountTable(*text)) {
    // Some file systems (btrfs) have a device number of their own; their source names the device.
    if (entry.device != device && entry.source != path) continue;
    holders.push_back({fmt::format("mounted at {}{}", entry.path, suffix)});
  }
}

void AddMounts(const std::string& path, dev_t device, std::vector<Holder>& holders) {
  std::set<std::uint64_t> seen{NamespaceOf("self")};
  AddMountsOfNamespace("self", path, device, "", holders);
  for (const pid_t pid : OtherProcesses()) {
    const std::string process = std::to_string(pid);
    const std::uint64_t space = NamespaceOf(process);
    if (space == 0 || !seen.insert(space).second) continue;
    AddMountsOfNamespace(process, path, device,
                         fmt::format(" in the mount namespace of {}", Named(pid)), holders);
  }
}

void AddDevicesOnTop(dev_t device, std::vector<Holder>& holders) {
  const fs::path directory =
      fmt::format("/sys/dev/block/{}:{}/holders", major(device), minor(device));
  for (const fs::path& entry : ListDirectory(directory)) {
    const std::string name = entry.filename();
    const std::string mapped = ReadLineOr(fmt::format("/sys/block/{}/dm/name", name), "");
    holders.push_back({mapped.empty() ? fmt::format("under /dev/{}", name)
                                      : fmt::format("under /dev/mapper/{}", mapped)});
  }
}

void AddSwaps(const std::string& path, std::vector<Holder>& holders) {
  const Result<std::string> text = ReadText("/proc/swaps");
  if (text && text->find(path + " ") != std::string::npos) holders.push_back({"used as swap"});
}

}  // namespace

Holder HolderNamed(pid_t process) { return {"held by " + Named(process)}; }

std::vector<Holder> LinuxHolders::OfFile(const FileIdentity& file, const std::string& path) const {
  std::vector<Holder> holders;
  AddOpeners({.file = file, .block_device = std::nullopt}, holders);
  AddLoops(loops_, file, path, holders);
  AddMappers(file, holders);
  return holders;
}

std::vector<Holder> LinuxHolders::OfBlockDevice(const std::string& path, dev_t device) const {
  std::vector<Holder> holders;
  AddOpeners({.file = {}, .block_device = device}, holders);
  AddMounts(path, device, holders);
  AddDevicesOnTop(device, holders);
  AddSwaps(path, holders);
  const auto node = StatWithoutAsking(path);
  if (node) {
    const FileIdentity file{makedev(node->stx_dev_major, node->stx_dev_minor),
                            static_cast<ino_t>(node->stx_ino)};
    AddLoops(loops_, file, path, holders);
    AddMappers(file, holders);
  }
  return holders;
}

}  // namespace veneer
