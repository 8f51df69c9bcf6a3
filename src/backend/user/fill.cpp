// FillOfDisk and GrowDisk: ask the server of a disk.
#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "backend/user/server_client.h"

namespace veneer {
namespace {

Result<DiskFill> AskForFill(const std::string& path, const ControlRequest& request) {
  const FoundDisk disk = VENEER_TRY(FindDisk(path));
  const Connection server = VENEER_TRY(ServerOf(disk));
  const std::string answer = VENEER_TRY(Ask(disk, server, request));
  return DecodeFill(answer);
}

}  // namespace

Result<DiskFill> FillOfDisk(const std::string& path) {
  return AskForFill(path, {.op = ControlOp::kFill});
}

Result<DiskFill> GrowDisk(const std::string& path, Bytes max_change) {
  return AskForFill(path, {.op = ControlOp::kGrow, .max_change = max_change});
}

}  // namespace veneer
