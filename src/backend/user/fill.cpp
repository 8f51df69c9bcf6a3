// FillOfDisk and GrowDisk: ask the server of a disk.
#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/server_client.h"

namespace veneer {
namespace {

Result<DiskFill> AskForFill(const DiskName& name, const ControlRequest& request) {
  const FoundDisk disk = VENEER_TRY(FindDisk(name));
  const Connection server = VENEER_TRY(ServerOf(disk));
  const std::string answer = VENEER_TRY(Ask(disk, server, request));
  return DecodeFill(answer);
}

}  // namespace

Result<DiskFill> FillOfDisk(const DiskName& name) {
  return AskForFill(name, {.op = ControlOp::kFill});
}

Result<DiskFill> GrowDisk(const DiskName& name, Bytes max_change) {
  return AskForFill(name, {.op = ControlOp::kGrow, .max_change = max_change});
}

}  // namespace veneer
