#include "backend/user/nbd_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "backend/user/disk_place.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/unix_socket.h"
#include "kernel/linux/wait_until.h"
#include "kernel/nbd_address.h"

namespace veneer {
namespace {

// Clients that are just ending.
constexpr std::chrono::seconds kClientPatience{3};

}  // namespace

FastZero FastZeroOn(const LinuxFile& store) {
  // Far behind the end of any file: nothing changes.
  constexpr off_t kNowhere = off_t{1} << 60U;
  constexpr off_t kLittle = 4096;
  const bool can = ::fallocate(store.fd().get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               kNowhere, kLittle) == 0;
  return can || errno == EFBIG ? FastZero::kYes : FastZero::kNo;
}

Result<std::unique_ptr<NbdServer>> NbdServer::Start(const AttachRequest& request,
                                                    const HostPorts& ports, int socket) {
  std::unique_ptr<NbdServer> server(new NbdServer);
  server->record_ = {.pid = ::getpid(),
                     .store = request.store,
                     .origin = request.origin,
                     .path = VENEER_TRY(ResolveSocketPath(request.at)),
                     .export_kind = ExportKind::kNbd,
                     .device = std::nullopt,
                     .access = request.access,
                     .mount_point = DiskRecord::MountPoint::kMade};
  auto disk = VENEER_TRY(ServedDisk::Open(request, server->record_.path, ports.holders));
  server->served_.emplace(disk->disk());
  if (request.access == DiskAccess::kReadWrite) {
    server->served_->fast_zero = FastZeroOn(disk->store());
  }
  server->served_->description = fmt::format("{} over {}", request.store, request.origin);
  server->disk_ = std::move(disk);
  const Result<void> taken = server->TakePlace(request, ports, socket);
  if (taken) return server;
  server->disk_.reset();
  return Fail(taken.error());
}

NbdServer::~NbdServer() {
  if (disk_) disk_->Flush().Ignore("whoever asked for the disk is gone, or was told of a failure");
  place_.Leave(record_, TakenPlace::LogFile::kRemove);
}

Result<void> NbdServer::TakePlace(const AttachRequest& request, const HostPorts& ports,
                                  int socket) {
  return place_.Take(request.run_dir, record_, ports, [&]() -> Result<void> {
    // The record first: it says whose the socket is, whatever is killed.
    VENEER_TRY(place_.Write(record_));
    return ListenAtUnix(socket, record_.path);
  });
}

std::unexpected<Error> NbdServer::Busy() const {
  std::vector<Holder> holders;
  for (const pid_t process : served_->clients.Inside()) {
    if (process > 0) holders.push_back(HolderNamed(process));
  }
  return Fail(Error{ErrorKind::kConflict, EBUSY,
                    fmt::format("detach {0}: {0} is {1}", record_.path, DescribeHolders(holders)),
                    "disconnect what is named, then detach again"});
}

Result<void> NbdServer::Detach() {
  VENEER_TRY(RequireRoom(disk_->Flush(), record_.path));
  if (!WaitUntil(kClientPatience, [&] { return served_->clients.CloseIfEmpty(); })) return Busy();
  return Finish();
}

Result<void> NbdServer::Finish() {
  const Result<void> flushed = disk_->Flush();
  disk_.reset();  // the lock goes with it
  return place_.LeaveAfter(flushed, record_);
}

Attachment NbdServer::attachment() const {
  return {.path = NbdUri(record_.path), .device = std::nullopt, .server = record_.pid};
}

}  // namespace veneer
