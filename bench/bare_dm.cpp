#include "bare_dm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "backend/dm/snapshot_target.h"
#include "base/unique_fd.h"
#include "kernel/linux/dm_ioctl.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/linux_loop_control.h"
#include "kernel/linux/loop_device.h"

namespace veneer::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr unsigned kLoopMajor = 7;  // Documentation/admin-guide/devices.txt
constexpr const char* kName = "veneer-bench-bare";

struct Controls {
  UniqueFd loop;
  UniqueFd mapper;
};

struct Origin {
  dev_t device = 0;
  Bytes size;
};

Result<Origin> FindOrigin(const std::string& image) {
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  const LinuxLoopControl loops;
  const FileIdentity identity = VENEER_TRY(file->Identity());
  const auto found = VENEER_TRY(loops.Find(identity, image));
  if (found.empty()) {
    return Fail(ErrorKind::kNotFound, fmt::format("no loop device is on {}", image),
                "attach a disk over it first");
  }
  return Origin{.device = found.back().device, .size = VENEER_TRY(file->Size())};
}

// As large as the library's stores of full size, or a little more.
Result<void> MakeStore(const std::string& store, Bytes image) {
  const UniqueFd file(::open(store.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto size = static_cast<off_t>((image + MiB(9)).value());
  if (file.valid() && ::ftruncate(file.get(), size) == 0) return {};
  return FailErrno(errno, fmt::format("make {}", store));
}

Result<void> Create(const Controls& controls, const Origin& origin, const std::string& store) {
  const UniqueFd file(::open(store.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return FailErrno(errno, store);
  const int number = ::ioctl(controls.loop.get(), LOOP_CTL_GET_FREE);
  if (number < 0) return FailErrno(errno, "find a free loop device");
  const auto loop = static_cast<unsigned>(number);
  const UniqueFd hold = VENEER_TRY(ConfigureLoop(loop, file, store, {}, LoopLife::kUntilLastClose));
  const dm::SnapshotDevices devices{.origin = origin.device, .store = makedev(kLoopMajor, loop)};
  VENEER_TRY(CreateDm(controls.mapper, kName, ""));
  VENEER_TRY(LoadDm(
      controls.mapper,
      {.name = kName,
       .uuid = "",
       .table = dm::SnapshotTable(devices, Sectors(origin.size / kSectorSize), ChunkSize())}));
  VENEER_TRY(StartDm(controls.mapper, kName, 0));
  return {};
}

// Milliseconds, or why it failed.
template <class Work>
Result<double> Timed(Work work) {
  const Clock::time_point begin = Clock::now();
  VENEER_TRY(work());
  return Milliseconds(Clock::now() - begin).count();
}

}  // namespace

Result<void> TimeBareIoctls(const std::string& directory, std::size_t count,
                            const std::string& times) {
  const Origin origin = VENEER_TRY(FindOrigin(directory + "/template.img"));
  const Controls controls{.loop = UniqueFd(::open("/dev/loop-control", O_RDWR | O_CLOEXEC)),
                          .mapper = VENEER_TRY(OpenDmControl())};
  if (!controls.loop.valid()) return FailErrno(errno, "open /dev/loop-control");
  const std::string store = directory + "/bare.cow";
  std::ofstream out(times, std::ios::app);
  for (std::size_t round = 0; round <= count; ++round) {
    VENEER_TRY(MakeStore(store, origin.size));
    const double create = VENEER_TRY(Timed([&] { return Create(controls, origin, store); }));
    const double remove = VENEER_TRY(Timed([&] { return RemoveDm(controls.mapper, kName, 0); }));
    if (round > 0) out << fmt::format("{:.3f} {:.3f}\n", create, remove);
    std::filesystem::remove(store);
  }
  return {};
}

}  // namespace veneer::bench
