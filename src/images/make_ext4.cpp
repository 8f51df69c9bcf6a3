#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "images/import_steps.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kBlock = KiB(4);
constexpr Bytes kInode{256};
// Of a file system: a journal, group descriptors and room for a guest to begin in.
constexpr Bytes kBaseRoom = MiB(64);
// mke2fs(8), bytes-per-inode of its usual configuration.
constexpr Bytes kBytesPerInode = KiB(16);
constexpr std::uint64_t kSpareInodes = 4096;

struct TreeSize {
  Bytes data;  // in whole blocks
  std::uint64_t inodes = 0;
};

Bytes RoundUp(Bytes size, Bytes to) { return to * ((size + to - Bytes(1)) / to); }

Bytes BlocksOf(const struct stat& status) {
  const Bytes size(static_cast<std::uint64_t>(status.st_size));
  const Bytes allocated = kSectorSize * static_cast<std::uint64_t>(status.st_blocks);
  if (S_ISREG(status.st_mode)) return RoundUp(std::min(size, allocated), kBlock);
  // Names of directories take other room elsewhere; short targets of links take none.
  if (S_ISDIR(status.st_mode)) return RoundUp(size, kBlock) + kBlock;
  return S_ISLNK(status.st_mode) ? kBlock : Bytes(0);
}

Result<TreeSize> SizeOfTree(const std::string& tree) {
  TreeSize total;
  std::set<std::pair<dev_t, ino_t>> linked;  // that have several names
  std::error_code error;
  fs::recursive_directory_iterator entries(tree, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    struct stat status{};
    const std::string& path = entries->path().native();
    if (::lstat(path.c_str(), &status) != 0) return FailErrno(errno, fmt::format("stat {}", path));
    const bool several = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
    if (several && !linked.emplace(status.st_dev, status.st_ino).second) continue;
    total.data += BlocksOf(status);
    ++total.inodes;
  }
  if (error) return FailErrno(error.value(), fmt::format("list {}", tree));
  return total;
}

// What is there, 30 % for metadata and for what a guest adds, and a base.
Bytes SizeFor(const TreeSize& tree) {
  const Bytes contents = tree.data + kInode * tree.inodes;
  return RoundUp(Bytes(contents.value() / 10 * 13) + kBaseRoom, MiB(1));
}

}  // namespace

Result<Bytes> MakeExt4(const std::string& tree, LinuxFile& image, const ImportJob& job,
                       const std::function<void(Bytes, Bytes)>& progress) {
  const TreeSize contents = VENEER_TRY(SizeOfTree(tree));
  const Bytes size = job.options.size.value_or(SizeFor(contents));
  VENEER_TRY(job.RequireAllowed(size));
  VENEER_TRY(job.RequireRoomFor(contents.data));
  VENEER_TRY(image.Resize(size));
  const std::uint64_t inodes =
      std::max(size / kBytesPerInode, contents.inodes / 4 * 5 + kSpareInodes);
  // Inode tables are not left for later: the kernel would zero them in the store of every sandbox.
  // The journal may be: it is a hole in a new file, and so it is all zeros already.
  ChildProgram mkfs{
      .argv = {"mkfs.ext4", "-q", "-F", "-b", fmt::to_string(kBlock.value()), "-I",
               fmt::to_string(kInode.value()), "-N", fmt::to_string(inodes), "-m", "1", "-L",
               "veneer-root", "-E",
               "lazy_itable_init=0,lazy_journal_init=1,nodiscard,root_owner=0:0", "-d", tree,
               InheritedPath(0), fmt::format("{}k", size.value() / KiB(1).value())},
      .package = "e2fsprogs",
      .files = {&image.fd()}};
  mkfs.tick = [&] {
    const auto written = image.AllocatedBytes();
    if (written && progress) progress(*written, contents.data);
  };
  VENEER_TRY(RunTool(mkfs, {ErrorKind::kFailed, "the file system cannot be made",
                            "give a larger size, if it is one too small"}));
  return size;
}

}  // namespace veneer
