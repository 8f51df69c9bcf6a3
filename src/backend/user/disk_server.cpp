#include "backend/user/disk_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "backend/run_directory.h"
#include "backend/store_clone.h"
#include "backend/store_lock.h"
#include "backend/user/control_socket.h"
#include "backend/user/leftovers.h"
#include "backend/user/server_log.h"
#include "cow/grow.h"
#include "cow/prefetch.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

// udev's blkid, an editor, a VMM that is just ending: holders that go by themselves.
constexpr std::chrono::seconds kHolderPatience{3};
// From the unmount to the end of the connection, where no other namespace has a copy of it.
constexpr int kUnmountMilliseconds = 1000;

Result<FileIdentity> IdentityOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return FailErrno(errno, fmt::format("stat {}", path));
  return FileIdentity{.device = status.st_dev, .inode = status.st_ino};
}

Result<DiskRecord::MountPoint> MakeMountPoint(const std::string& path) {
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd.valid()) return DiskRecord::MountPoint::kMade;
  if (errno == EEXIST) return DiskRecord::MountPoint::kFound;
  return FailErrno(errno, fmt::format("make {}", path), "choose a path that can be made");
}

bool WaitReadable(const UniqueFd& fd, int milliseconds) {
  pollfd poll{.fd = fd.get(), .events = POLLIN, .revents = 0};
  while (true) {
    const int ready = ::poll(&poll, 1, milliseconds);
    if (ready >= 0 || errno != EINTR) return ready == 1;
  }
}

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
  VENEER_TRY(server->OpenDisk(request));
  VENEER_TRY(server->TakePlace(request));
  if (request.exposure == Exposure::kBlockDevice) {
    VENEER_TRY(server->PutLoopOnIt(std::nullopt));
    VENEER_TRY(server->WriteRecord());
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
  RemoveTraces(LogFile::kRemove);
}

Result<void> DiskServer::OpenDisk(const AttachRequest& request) {
  const Access access =
      request.access == DiskAccess::kReadWrite ? Access::kReadWrite : Access::kReadOnly;
  auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  auto store = VENEER_TRY(LinuxFile::Open(request.store, access));
  const FileIdentity origin_identity = VENEER_TRY(origin->Identity());
  const FileIdentity store_identity = VENEER_TRY(store->Identity());
  VENEER_TRY(RefuseSame(origin_identity, store_identity, "the store is the origin itself"));
  const auto mounted = VENEER_TRY(ports_.mounts.At(record_.path));
  const Result<FileIdentity> place = mounted ? Fail(Error{}) : IdentityOf(record_.path);
  if (place) {
    VENEER_TRY(RefuseSame(*place, store_identity, "the disk would cover its own store"));
    VENEER_TRY(RefuseSame(*place, origin_identity, "the disk would cover its own origin"));
  }
  VENEER_TRY(LockStore(*store, request.access, ports_.holders));
  store_ = VENEER_TRY(store->Duplicate());
  PrefetchExceptions(*store);
  disk_ = VENEER_TRY(CowDisk::Open(std::move(origin), std::move(store), request.access));
  return {};
}

Result<void> DiskServer::TakePlace(const AttachRequest& request) {
  const DiskFiles files = FilesOfDisk(request.run_dir, record_.path);
  VENEER_TRY(PrepareRunDirectory(files.directory));
  const UniqueFd lock = VENEER_TRY(LockRunDirectory(files.directory));
  VENEER_TRY(ClearPlace(record_.path, files, ports_));
  control_ = VENEER_TRY(ListenAt(files.Socket()));
  files_ = files;  // from here on there are traces
  StartLog(files.Log());
  const auto taken = [&]() -> Result<void> {
    record_.mount_point = VENEER_TRY(MakeMountPoint(record_.path));
    VENEER_TRY(WriteRecord());
    export_ =
        VENEER_TRY(FuseExport::Mount(*disk_, {.path = record_.path, .source = files.Socket()}));
    return {};
  }();
  if (!taken) RemoveTraces(LogFile::kRemove);
  return taken;
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

// Whole or not at all: it is read by others when this process is dead.
Result<void> DiskServer::WriteRecord() const {
  const std::string path = files_.Record();
  const std::string hidden = path + ".new";
  const std::string text = EncodeRecord(record_) + "\n";
  const UniqueFd fd(
      ::open(hidden.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(errno, fmt::format("write {}", hidden));
  const bool written =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(hidden.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(hidden.c_str());
  return FailErrno(error, fmt::format("write {}", path));
}

Result<void> DiskServer::Flush() {
  if (!disk_ || disk_->access() == DiskAccess::kReadOnly) return {};
  return disk_->Flush();
}

Result<StoreFill> DiskServer::Grow(Bytes max_change) {
  if (record_.access == DiskAccess::kReadOnly) {
    return Fail(Error{ErrorKind::kUsage, EROFS,
                      fmt::format("{} is attached read-only", record_.path),
                      "detach it, then grow its store"});
  }
  const auto chunk_size = VENEER_TRY(ChunkSize::FromBytes(disk_->chunk_size()));
  const Bytes size = VENEER_TRY(StoreSizeFor(Geometry(chunk_size), disk_->size(), max_change));
  VENEER_TRY(LengthenStore(*store_, size));
  VENEER_TRY(disk_->UpdateStoreSize());
  return disk_->Fill();
}

Result<StoreClone> DiskServer::CloneStore(const std::string& clone,
                                          const std::function<bool()>& wanted) {
  if (record_.access == DiskAccess::kReadOnly) return NoCloneOfReadOnly(record_.path);
  VENEER_TRY(RequireNewPath(clone));
  std::optional<ClonedFile> cloned;
  const auto begin_clone = [&]() -> Result<void> {
    cloned.emplace(VENEER_TRY(BeginClone(*store_, clone)));
    return {};
  };
  const auto held = VENEER_TRY(disk_->AtCommittedMoment(begin_clone));
  if (!wanted()) return Fail(ErrorKind::kFailed, "whoever asked for the clone is gone");
  const CloneMethod method = cloned->report.method;
  VENEER_TRY(PublishClone(*std::move(cloned)));
  return StoreClone{.method = method, .held = held};
}

Result<void> DiskServer::Detach() {
  const Result<void> flushed = Flush();
  if (!flushed && flushed.error().kind == ErrorKind::kNoSpace) {
    Error error = InContext(flushed.error(), fmt::format("detach {}", record_.path));
    error.hint = "make room for the store, then detach again; nothing is lost so far";
    return Fail(std::move(error));
  }
  VENEER_TRY(RefuseWhereHeld());
  const std::optional<LoopDevice> loop = loop_;
  // A disk that fails every flush would keep its loop device for ever.
  VENEER_TRY(FreeLoop(flushed ? OnWriteError::kKeep : OnWriteError::kGoOn));
  Result<void> unmounted = Unmount();
  if (!unmounted) {
    if (loop) PutLoopOnIt(loop->number).Ignore("the reason why it stays attached is told");
    return unmounted;
  }
  VENEER_TRY(EndConnection());
  return Finish();
}

Result<void> DiskServer::Finish() {
  const Result<void> flushed = Flush();
  export_.reset();
  loop_.reset();
  disk_.reset();
  store_.reset();  // the lock goes with it
  if (!flushed) {
    Error error = InContext(flushed.error(), fmt::format("last flush of {}", record_.store));
    error.hint = "it is detached; what was written after the last flush that succeeded may be lost";
    Log(error.what);
    RemoveTraces(LogFile::kKeep);
    return Fail(std::move(error));
  }
  RemoveTraces(LogFile::kRemove);
  return {};
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

void DiskServer::RemoveTraces(LogFile log) {
  export_.reset();
  if (files_.key.empty()) return;
  if (record_.mount_point == DiskRecord::MountPoint::kMade) RemoveMountPoint(record_.path);
  ::unlink(files_.Record().c_str());
  if (log == LogFile::kRemove) ::unlink(files_.Log().c_str());
  // Last: as long as somebody listens there, the place is taken.
  ::unlink(files_.Socket().c_str());
  files_ = {};
}

Attachment DiskServer::attachment() const {
  return {.path = record_.path, .device = record_.device, .server = record_.pid};
}

DiskCounters DiskServer::counters() const { return disk_ ? disk_->counters() : DiskCounters{}; }

}  // namespace veneer
