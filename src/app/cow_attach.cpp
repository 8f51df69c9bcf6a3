#include <fcntl.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "app/backends.h"
#include "app/cow_commands.h"
#include "app/nbd/nbdkit_paths.h"
#include "app/output.h"
#include "backend/user/attachment.h"
#include "backend/user/nbd_start.h"
#include "backend/user/serve_loop.h"
#include "base/unique_fd.h"

namespace veneer {
namespace {

Result<DiskRequest> RequestOf(const CowAttachArguments& arguments) {
  return DiskRequest{.store = arguments.store,
                     .origin = arguments.origin,
                     .name = arguments.name,
                     .at = arguments.at,
                     .export_kind = VENEER_TRY(ExportChosen(arguments.export_way)),
                     .access = arguments.read_only ? DiskAccess::kReadOnly : DiskAccess::kReadWrite,
                     .exposure = arguments.block ? Exposure::kBlockDevice : Exposure::kFile};
}

// One backend makes a path the disk, the other a device of that name.
Result<void> CheckPlace(const CowAttachArguments& arguments) {
  const bool is_dm = arguments.backend == BackendName(BackendKind::kDm);
  const std::string& needed = is_dm ? arguments.name : arguments.at;
  const std::string& refused = is_dm ? arguments.at : arguments.name;
  const char* const needed_option = is_dm ? "--name" : "--at";
  const char* const refused_option = is_dm ? "--at" : "--name";
  if (needed.empty()) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--backend {} needs {}", arguments.backend, needed_option),
                is_dm ? "the disk is /dev/mapper/veneer-NAME then" : "PATH becomes the disk");
  }
  if (!refused.empty()) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--backend {} has no use for {}", arguments.backend, refused_option),
                fmt::format("leave {} out", refused_option));
  }
  if (is_dm && arguments.export_way != ExportName(ExportKind::kFuse)) {
    return Fail(ErrorKind::kUsage, "--backend dm has no use for --export",
                "the disk is a block device then");
  }
  return {};
}

}  // namespace

Result<int> CowAttach(const GlobalOptions& options, const CowAttachArguments& arguments) {
  VENEER_TRY(CheckPlace(arguments));
  const DiskRequest request = VENEER_TRY(RequestOf(arguments));
  const auto backend = VENEER_TRY(BackendNamed(options, arguments.backend));
  const AttachedDisk disk = VENEER_TRY(backend->Attach(request));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = disk.path;
    json["backend"] = BackendName(backend->kind());
    if (disk.device) json["device"] = *disk.device;
    VENEER_TRY(PrintJson(json));
  } else {
    // One word, for $(veneer cow attach …).
    VENEER_TRY(Print(disk.device.value_or(disk.path) + "\n"));
  }
  return 0;
}

Result<int> CowDetach(const GlobalOptions& options, const std::string& path) {
  const auto backend = VENEER_TRY(BackendOf(options, path));
  VENEER_TRY(backend->Detach(path));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = path;
    json["detached"] = true;
    VENEER_TRY(PrintJson(json));
  }
  return 0;
}

Result<int> CowServe(const GlobalOptions& options, const CowServeArguments& arguments) {
  if (::fcntl(arguments.ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--ready-fd {} is no open descriptor", arguments.ready_fd),
                "use 'veneer cow attach': it starts the server");
  }
  UniqueFd ready(arguments.ready_fd);
  const DiskRequest disk = VENEER_TRY(RequestOf(arguments.disk));
  const AttachRequest request{.store = disk.store,
                              .origin = disk.origin,
                              .at = disk.at,
                              .run_dir = options.run,
                              .export_kind = disk.export_kind,
                              .access = disk.access,
                              .exposure = disk.exposure};
  if (disk.export_kind == ExportKind::kFuse) return ServeDisk(request, std::move(ready));
  const auto nbdkit = FindNbdkit();
  if (nbdkit) return BecomeNbdServer(request, std::move(ready), *nbdkit);
  TellReady(ready, Fail(nbdkit.error())).Ignore("nobody waits any more");
  return ExitStatus(nbdkit.error().kind);
}

}  // namespace veneer
