#include "backend/dm/origin_devices.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "kernel/linux/read_text.h"

namespace veneer::dm {
namespace {

namespace fs = std::filesystem;

// The kernel goes through the snapshots of an origin one by one whenever it makes another.
constexpr unsigned kDisksPerOrigin = 16;

Result<std::optional<dev_t>> BlockDeviceOf(const LinuxFile& file) {
  struct stat status{};
  if (::fstat(file.fd().get(), &status) != 0) return FailErrno(errno, file.name());
  if (!S_ISBLK(status.st_mode)) return std::nullopt;
  return status.st_rdev;
}

Sectors InSectors(Bytes bytes) { return Sectors(bytes / kSectorSize); }

// Its table keeps the loop device, and the lock of the directory keeps others from removing it
// until a snapshot is over it.
OriginDevice Held(const DmDevice& padded, HeldLoop loop) {
  OriginDevice origin{.device = padded.device, .path = padded.Path(), .padded = padded.name};
  origin.holds.push_back(std::move(loop.hold));
  return origin;
}

std::string NotesIn(const std::string& directory) { return directory + "/origins"; }

}  // namespace

Result<void> RequireWholeSectors(const std::string& image, Bytes size) {
  if (size % kSectorSize == Bytes(0) && size != Bytes(0)) return {};
  return Fail(ErrorKind::kUsage,
              fmt::format("{} has {} bytes: the kernel's disks are whole sectors of 512", image,
                          size.value()),
              "use --backend user, or an image that is a multiple of 512 bytes");
}

std::string OriginDevices::NotePath(const FileIdentity& image) const {
  return fmt::format("{}/{}.{}.{}", NotesIn(directory_), major(image.device), minor(image.device),
                     image.inode);
}

std::vector<unsigned> OriginDevices::NotedLoops(const std::string& note) const {
  std::istringstream text(ReadLineOr(note, ""));
  std::vector<unsigned> loops;
  for (unsigned loop = 0; text >> loop;) loops.push_back(loop);
  return loops;
}

Result<void> OriginDevices::Note(const std::string& path,
                                 const std::vector<unsigned>& loops) const {
  if (::mkdir(NotesIn(directory_).c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make {}", NotesIn(directory_)));
  }
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const std::string text = fmt::format("{}\n", fmt::join(loops, " "));
  if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) < 0) {
    return FailErrno(errno, fmt::format("write {}", path));
  }
  return {};
}

Result<OriginDevice> OriginDevices::Take(const LinuxFile& image, Bytes image_size,
                                         Bytes disk_size) {
  const Sectors image_sectors = InSectors(image_size);
  const Sectors disk_sectors = InSectors(disk_size);
  if (const auto block = VENEER_TRY(BlockDeviceOf(image)); block && disk_size == image_size) {
    return OriginDevice{.device = *block, .path = image.name()};
  }
  const FileIdentity identity = VENEER_TRY(image.Identity());
  const std::string note = NotePath(identity);
  std::vector<unsigned> live;
  // The latest first: it is the one that has room, nearly always.
  for (const unsigned number : NotedLoops(note)) {
    Result<HeldLoop> held = loops_.Hold(number, identity);
    if (!held) continue;
    live.push_back(number);
    auto shared = VENEER_TRY(Share(*std::move(held), image_sectors, disk_sectors));
    if (shared) return *std::move(shared);
  }
  HeldLoop loop =
      VENEER_TRY(loops_.AttachHeld(image, {.access = Access::kReadOnly, .io = LoopIo::kBuffered}));
  live.insert(live.begin(), loop.device.number);
  VENEER_TRY(Note(note, live));
  auto fresh = VENEER_TRY(Share(std::move(loop), image_sectors, disk_sectors));
  if (fresh) return *std::move(fresh);
  return Fail(ErrorKind::kFailed, fmt::format("a new loop device on {} is in use", image.name()),
              "try again");
}

Result<std::optional<OriginDevice>> OriginDevices::Share(HeldLoop loop, Sectors image,
                                                         Sectors disk) {
  if (disk > image) return SharePadded(std::move(loop), image, disk);
  if (loop.device.stacked >= kDisksPerOrigin) return std::nullopt;
  OriginDevice origin{.device = loop.device.device, .path = loop.device.path};
  origin.holds.push_back(std::move(loop.hold));
  return origin;
}

Result<std::optional<OriginDevice>> OriginDevices::SharePadded(HeldLoop loop, Sectors image,
                                                               Sectors disk) {
  const DeviceNames names = NamesOfOrigin(instance_, loop.device.number, disk);
  const Result<DmState> there = devices_.Query(names.name);
  if (!there && there.error().kind != ErrorKind::kNotFound) return Fail(there.error());
  // Another instance has the same image at that length, by this very loop device.
  if (there && there->device.uuid != names.uuid) return std::nullopt;
  if (there && !there->status.empty()) {
    if (there->open_count >= kDisksPerOrigin) return std::nullopt;
    return Held(there->device, std::move(loop));
  }
  if (there) ReleasePadded(names.name);  // what a killed command left: no table yet
  if (loop.device.stacked >= kDisksPerOrigin) return std::nullopt;
  VENEER_TRY(devices_.RequireTarget("zero"));
  const DmDevice made =
      VENEER_TRY(devices_.Create({.name = names.name,
                                  .uuid = names.uuid,
                                  .table = PaddedOriginTable(loop.device.device, image, disk),
                                  .access = Access::kReadOnly}));
  return Held(made, std::move(loop));
}

void OriginDevices::ReleasePadded(const std::string& name) {
  // The loop device that the name tells may be another instance's by now, and the name with it.
  const Result<DmState> there = devices_.Query(name);
  const bool gone = !there && there.error().kind == ErrorKind::kNotFound;
  if (!gone && !(there && IsOriginUuid(instance_, there->device.uuid))) return;
  devices_.Remove(name).Ignore("in use by other disks, or gone");
}

void OriginDevices::ForgetCleared() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(NotesIn(directory_), error)) {
    const std::vector<unsigned> noted = NotedLoops(entry.path());
    const bool any_bound = std::ranges::any_of(noted, [&](unsigned number) {
      const auto behind = loops_.BackingFile(fmt::format("/dev/loop{}", number));
      return behind || behind.error().kind != ErrorKind::kNotFound;
    });
    if (!any_bound) fs::remove(entry.path(), error);
  }
}

}  // namespace veneer::dm
