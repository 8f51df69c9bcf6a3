#include "backend/user/disk_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/store_lock.h"
#include "backend/user/mount_point.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

// udev's blkid, an editor, a VMM that is just ending: holders that go by themselves.
constexpr std::chrono::seconds kHolderPatience{3};
// Longer than the rest of a detach takes.
constexpr std::chrono::minutes kUnheld{10};
// From the unmount to the end of the connection, where no other namespace has a copy of it.
constexpr int kUnmountMilliseconds = 1000;

Result<FileIdentity> IdentityOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return FailErrno(errno, fmt::format("stat {}", path));
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

bool WaitReadable(const UniqueFd& fd, int milliseconds) {
  pollfd poll{.fd = fd.get(), .events = POLLIN, .revents = 0};
  while (true) {
    const int ready = ::poll(&poll, 1, milliseconds);
    if (ready >= 0 || errno != EINTR) return ready == 1;
  }
}

// Writers are not held back while this is there, as long as the disk is.
class Unheld {
 public:
  explicit Unheld(const std::unique_ptr<ServedDisk>& disk) : disk_(disk) {
    disk_->hold().Lift(kUnheld);
  }
  Unheld(const Unheld&) = delete;
  Unheld& operator=(const Unheld&) = delete;
  ~Unheld() {
    if (disk_) disk_->hold().Lift(std::chrono::seconds(0));
  }

 private:
  const std::unique_ptr<ServedDisk>& disk_;
};

}  // namespace

Result<std::unique_ptr<DiskServer>> DiskServer::Start(const AttachRequest& request,
                                                      IsolatedThread& isolated,
                                                      const HostPorts& ports) {
  std::unique_ptr<DiskServer> server(new DiskServer(isolated, ports));
  server->record_.pid = ::getpid();
  server->record_.store = request.store;
  server->record_.origin = request.origin;
  server->record_.access = request.access;
  server->record_.path = VENEER_TRY(ResolveDiskPath(request.at));
  VENEER_TRY(server->RefuseCovering(request));
  server->disk_ = VENEER_TRY(ServedDisk::Open(request, server->record_.path, ports.holders));
  VENEER_TRY(server->TakePlace(request));
  if (request.exposure == Exposure::kBlockDevice) {
    VENEER_TRY(server->PutLoopOnIt(std::nullopt));
    VENEER_TRY(server->place_.Write(server->record_));
  }
  return server;
}

DiskServer::~DiskServer() {
  if (!export_) return;
  Flush().Ignore("whoever asked for the disk is gone, or was told of a failure");
  if (loop_) FreeLoop(OnWriteError::kGoOn).Ignore("it then stays on a dead file");
  isolated_.Run([&] {
    ports_.mounts.Unmount(record_.path, UnmountMode::kLazy).Ignore("the export tries again");
  });
  RemoveTraces(TakenPlace::LogFile::kRemove);
}

// A missing file is told of when it is opened.
Result<void> DiskServer::RefuseCovering(const AttachRequest& request) const {
  const auto mounted = VENEER_TRY(ports_.mounts.At(record_.path));
  const Result<FileIdentity> place = mounted ? Fail(Error{}) : IdentityOf(record_.path);
  if (!place) return {};
  const auto store = IdentityOf(request.store);
  if (store) VENEER_TRY(RefuseSame(*place, *store, "the disk would cover its own store"));
  const auto origin = IdentityOf(request.origin);
  if (origin) VENEER_TRY(RefuseSame(*place, *origin, "the disk would cover its own origin"));
  return {};
}

Result<void> DiskServer::TakePlace(const AttachRequest& request) {
  const auto appear = [&]() -> Result<void> {
    record_.mount_point = VENEER_TRY(MakeMountPoint(record_.path));
    VENEER_TRY(place_.Write(record_));
    export_ = VENEER_TRY(FuseExport::Mount(
        disk_->disk(), {.path = record_.path, .source = place_.files().Socket()}));
    return {};
  };
  return place_.Take(request.run_dir, record_, ports_, appear);
}

Result<void> DiskServer::PutLoopOnIt(std::optional<unsigned> number) {
  const LoopOptions options{
      .access = record_.access == DiskAccess::kReadWrite ? Access::kReadWrite : Access::kReadOnly,
      .block_size = kSectorSize,
      .number = number};
  loop_ = VENEER_TRY(isolated_.Run([&] { return ports_.loops.Attach(record_.path, options); }));
  record_.device = loop_->path;
  return {};
}

// After a refused unmount. Somebody may have taken the number meanwhile: then it gets another one,
// or none, and the refusal says so. A device that is told must not be somebody else's.
Error DiskServer::WithLoopBack(Error refused, unsigned number) {
  const std::optional<std::string> before = std::exchange(record_.device, std::nullopt);
  if (!PutLoopOnIt(number)) {
    PutLoopOnIt(std::nullopt).Ignore("that it has none is told with the refusal");
  }
  if (record_.device == before) return refused;
  place_.Write(record_).Ignore("who asks the server is told");
  refused.what += record_.device ? fmt::format("; its block device is {} now", *record_.device)
                                 : "; its block device is gone, the file goes on";
  return refused;
}

Result<void> DiskServer::Flush() { return disk_ ? disk_->Flush() : Result<void>{}; }

Result<void> DiskServer::Detach() {
  const Result<void> flushed = Flush();
  VENEER_TRY(RequireRoom(flushed, record_.path));
  VENEER_TRY(RefuseWhereHeld());
  // Nobody has it open; what the kernel still writes must not wait for room.
  const Unheld unheld(disk_);
  const std::optional<LoopDevice> loop = loop_;
  // A disk that fails every flush would keep its loop device for ever.
  VENEER_TRY(FreeLoop(flushed ? OnWriteError::kKeep : OnWriteError::kGoOn));
  Result<void> unmounted = Unmount();
  if (!unmounted) {
    return loop ? Fail(WithLoopBack(unmounted.error(), loop->number)) : unmounted;
  }
  VENEER_TRY(EndConnection());
  return Finish();
}

Result<void> DiskServer::Finish() {
  const Result<void> flushed = Flush();
  export_.reset();
  loop_.reset();
  disk_.reset();  // the lock goes with it
  return place_.LeaveAfter(flushed, record_);
}

std::unexpected<Error> DiskServer::Busy(const std::string& path,
                                        const std::vector<Holder>& holders) const {
  return Fail(
      Error{ErrorKind::kConflict, EBUSY,
            fmt::format("detach {}: {} is {}", record_.path, path, DescribeHolders(holders)),
            "end or unmount what is named, then detach again"});
}

// Before anything is taken away, so that a refusal changes nothing.
Result<void> DiskServer::RefuseWhereHeld() const {
  std::vector<Holder> holders;
  if (loop_) {
    const bool free = isolated_.Run([&] {
      return WaitUntil(kHolderPatience, [&] {
        holders = ports_.holders.OfBlockDevice(loop_->path, loop_->device);
        return holders.empty();
      });
    });
    if (!free) return Busy(loop_->path, holders);
  }
  // The search looks at each descriptor and mapping of the host. Without an open there is nothing
  // to find, but who has it as O_PATH: the unmount is refused then.
  if (!export_->IsOpen()) return {};
  const bool free = isolated_.Run([&] {
    return WaitUntil(kHolderPatience, [&] {
      holders = ports_.holders.OfFile(export_->identity(), record_.path);
      if (loop_) std::erase_if(holders, [&](const Holder& h) { return h.device == loop_->path; });
      return holders.empty();
    });
  });
  if (!free) return Busy(record_.path, holders);
  return {};
}

Result<void> DiskServer::FreeLoop(OnWriteError on_write_error) {
  if (!loop_) return {};
  const Result<void> freed =
      isolated_.Run([&] { return ports_.loops.Detach(*loop_, on_write_error); });
  if (!freed && freed.error().kind == ErrorKind::kConflict) {
    return Busy(loop_->path, isolated_.Run([&] {
      return ports_.holders.OfBlockDevice(loop_->path, loop_->device);
    }));
  }
  VENEER_TRY(freed);
  loop_.reset();
  return {};
}

Result<void> DiskServer::Unmount() {
  Result<void> unmounted;
  isolated_.Run([&] {
    return WaitUntil(kHolderPatience, [&] {
      unmounted = ports_.mounts.Unmount(record_.path, UnmountMode::kNormal);
      return unmounted || unmounted.error().kind != ErrorKind::kConflict;
    });
  });
  // Somebody else was faster, lazily perhaps.
  if (!unmounted && unmounted.error().kind == ErrorKind::kNotFound) return {};
  if (!unmounted && unmounted.error().kind == ErrorKind::kConflict) {
    return Busy(record_.path, isolated_.Run([&] {
      return ports_.holders.OfFile(export_->identity(), record_.path);
    }));
  }
  return unmounted;
}

// The connection ends with the last copy of the mount. Copies in other mount namespaces, where
// nobody has the disk open, must not keep it alive.
Result<void> DiskServer::EndConnection() {
  if (WaitReadable(export_->ended(), kUnmountMilliseconds)) return {};
  const Result<void> cut = export_->Abort();
  if (!cut) {
    Error error = InContext(cut.error(), "cut off a copy of the mount in another mount namespace");
    error.hint = "the server ends by itself when that namespace does";
    return Fail(std::move(error));
  }
  // What is left are requests on their way to the store: they end when its file system lets them.
  WaitReadable(export_->ended(), -1);
  return {};
}

void DiskServer::RemoveTraces(TakenPlace::LogFile log) {
  export_.reset();
  place_.Leave(record_, log);
}

Attachment DiskServer::attachment() const {
  return {.path = record_.path, .device = record_.device, .server = record_.pid};
}

}  // namespace veneer
