// AttachDisk: starts a server, and waits until it says how it went.
#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "backend/user/attachment.h"
#include "backend/user/control_socket.h"
#include "backend/user/disk_place.h"
#include "backend/user/messages.h"
#include "kernel/linux/spawn.h"

namespace veneer {
namespace {

// Reading the metadata of a large store takes seconds on a slow disk.
constexpr std::chrono::seconds kStartPatience{60};
// From the message that it failed to the end of the server.
constexpr std::chrono::seconds kEndPatience{10};

// The server does not live in the caller's directory.
Result<std::string> Absolute(const std::string& path, std::string_view what) {
  if (path.empty()) {
    return Fail(ErrorKind::kUsage, fmt::format("the path of the {} is empty", what));
  }
  std::error_code error;
  std::string absolute = std::filesystem::absolute(path, error);
  if (error) return FailErrno(error.value(), path);
  return absolute;
}

Result<std::vector<std::string>> ServeArguments(const AttachRequest& request) {
  if (request.export_kind == ExportKind::kNbd && request.exposure == Exposure::kBlockDevice) {
    return Fail(ErrorKind::kUsage, "NBD has no block device of its own",
                "leave out --block, or --export nbd");
  }
  const std::string store = VENEER_TRY(Absolute(request.store, "store"));
  const std::string origin = VENEER_TRY(Absolute(request.origin, "origin"));
  const std::string run_dir = VENEER_TRY(Absolute(request.run_dir, "run directory"));
  const bool by_nbd = request.export_kind == ExportKind::kNbd;
  const std::string at =
      VENEER_TRY(by_nbd ? ResolveSocketPath(request.at) : ResolveDiskPath(request.at));
  std::vector<std::string> arguments{
      "veneer", "cow", "serve", store,   "--origin",   origin,
      "--at",   at,    "--run", run_dir, "--ready-fd", std::to_string(kSpawnedPipe)};
  if (request.access == DiskAccess::kReadOnly) arguments.emplace_back("--read-only");
  if (request.exposure == Exposure::kBlockDevice) arguments.emplace_back("--block");
  if (by_nbd) arguments.insert(arguments.end(), {"--export", "nbd"});
  return arguments;
}

}  // namespace

Result<Attachment> AttachDisk(const AttachRequest& request) {
  const std::vector<std::string> arguments = VENEER_TRY(ServeArguments(request));
  const std::string complaint = EncodeAttached(
      Fail(ErrorKind::kFailed, fmt::format("start the server process {}", request.program)));
  const UniqueFd ready = VENEER_TRY(SpawnDetached(request.program, arguments, complaint));
  const Result<std::string> line = ReceiveLine(ready, kStartPatience);
  if (line) {
    Result<Attachment> attached = DecodeAttached(*line);
    if (!attached) ReceiveLine(ready, kEndPatience).Ignore("no line follows, the pipe closes");
    return attached;
  }
  if (line.error().os_errno == ETIMEDOUT) {
    // It notices that nobody waits, and takes everything away again.
    return Fail(Error{ErrorKind::kFailed, ETIMEDOUT,
                      fmt::format("the server of {} does not get ready", request.at),
                      "the store's disk may be very slow: try again"});
  }
  return Fail(ErrorKind::kFailed, fmt::format("the server of {} ended at its start", request.at),
              "the system log may say why");
}

}  // namespace veneer
