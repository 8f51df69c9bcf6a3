// CloneStoreOfDisk: asks the server of a disk.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "backend/store_clone.h"
#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/record_file.h"
#include "backend/user/server_client.h"

namespace veneer {
namespace {

// The server does not live in the caller's directory, and messages are UTF-8.
Result<ControlRequest> RequestFor(const std::string& clone) {
  if (clone.empty()) {
    return Fail(ErrorKind::kUsage, "the path of the clone is empty", "name the file to be made");
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(clone, error);
  if (error) return FailErrno(error.value(), clone);
  ControlRequest request{.op = ControlOp::kClone, .clone = absolute};
  const ControlRequest sent = VENEER_TRY(DecodeRequest(EncodeRequest(request)));
  if (sent.clone == request.clone) return request;
  return Fail(ErrorKind::kUsage, fmt::format("{} is not UTF-8", clone), "choose another path");
}

// What was written through the device, or through a mapping of the file, and is in the kernel's
// caches; the server does not touch the disk that it serves, nor a file system on it.
Result<void> WriteBack(const FoundDisk& disk, const std::string& clone) {
  if (!disk.mount) return {};  // NBD: what its clients cache is their own
  const std::optional<FiledRecord> filed = VENEER_TRY(ReadRecord(disk.files));
  const std::optional<std::string> device = filed ? filed->record.device : std::nullopt;
  if (!device) return WriteBackDisk(disk.path);
  struct stat status{};
  if (::stat(device->c_str(), &status) != 0) return FailErrno(errno, *device);
  VENEER_TRY(RefuseCloneOn(status.st_rdev, clone));
  return WriteBackDisk(*device);
}

// A flush through the kernel would wait behind a writer that is held back.
Result<void> RefuseWhereHeld(const FoundDisk& disk) {
  const Connection server = VENEER_TRY(ServerOf(disk));
  const std::string answer = VENEER_TRY(Ask(disk, server, {.op = ControlOp::kStatus}));
  const DiskActivity activity = VENEER_TRY(DecodeStatus(answer));
  if (!disk.mount || activity.writers != Writers::kHeld) return {};
  return Fail(Error{ErrorKind::kNoSpace, ENOSPC,
                    fmt::format("the writers of {} wait for room on the host", disk.path),
                    "make room on the file system of the store, then try again"});
}

}  // namespace

Result<StoreClone> CloneStoreOfDisk(const DiskName& name, const std::string& clone) {
  const FoundDisk disk = VENEER_TRY(FindDisk(name));
  const ControlRequest request = VENEER_TRY(RequestFor(clone));
  VENEER_TRY(RefuseWhereHeld(disk));  // a dead one is told as such, too
  VENEER_TRY(WriteBack(disk, request.clone));
  const Connection server = VENEER_TRY(ServerOf(disk));
  const std::string answer = VENEER_TRY(Ask(disk, server, request));
  return DecodeClone(answer);
}

}  // namespace veneer
