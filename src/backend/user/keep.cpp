// KeepDisk and LetGoOfDisk: ask the server of a disk.
#include <chrono>
#include <string>

#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/server_client.h"

namespace veneer {
namespace {

// Who watches over many disks does not wait for one whose server is at work on something long.
constexpr std::chrono::seconds kPatience{1};

Result<std::string> AskAtOnce(const DiskName& name, const ControlRequest& request) {
  const FoundDisk disk = VENEER_TRY(FindServedDisk(name));
  const Connection server = VENEER_TRY(ServerOf(disk));
  return Ask(disk, server, request, kPatience);
}

}  // namespace

Result<DiskActivity> KeepDisk(const DiskName& name, const WriteLease& lease) {
  const std::string answer =
      VENEER_TRY(AskAtOnce(name, {.op = ControlOp::kKeep, .mark = lease.mark, .term = lease.term}));
  return DecodeStatus(answer);
}

Result<void> LetGoOfDisk(const DiskName& name, std::chrono::milliseconds term) {
  const std::string answer = VENEER_TRY(AskAtOnce(name, {.op = ControlOp::kLetGo, .term = term}));
  return DecodeDone(answer);
}

}  // namespace veneer
