#include <fcntl.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/cow_commands.h"
#include "app/output.h"
#include "backend/user/attachment.h"
#include "base/unique_fd.h"

namespace veneer {
namespace {

AttachRequest RequestOf(const GlobalOptions& options, const CowAttachArguments& arguments) {
  return {.store = arguments.store,
          .origin = arguments.origin,
          .at = arguments.at,
          .run_dir = options.run,
          .access = arguments.read_only ? DiskAccess::kReadOnly : DiskAccess::kReadWrite,
          .exposure = arguments.block ? Exposure::kBlockDevice : Exposure::kFile};
}

Result<void> CheckBackend(const std::string& backend) {
  if (backend == "user") return {};
  if (backend == "dm") {
    return Fail(ErrorKind::kUnsupported, "this build cannot attach with device-mapper",
                "use --backend user: it attaches the same store");
  }
  return Fail(ErrorKind::kUsage, fmt::format("--backend {}: no such backend", backend),
              "choose user or dm");
}

}  // namespace

Result<int> CowAttach(const GlobalOptions& options, const CowAttachArguments& arguments) {
  VENEER_TRY(CheckBackend(arguments.backend));
  const Attachment attachment = VENEER_TRY(AttachDisk(RequestOf(options, arguments)));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = attachment.path;
    json["backend"] = arguments.backend;
    if (attachment.device) json["device"] = *attachment.device;
    VENEER_TRY(PrintJson(json));
  } else {
    // One word, for $(veneer cow attach …).
    VENEER_TRY(Print(attachment.device.value_or(attachment.path) + "\n"));
  }
  return 0;
}

Result<int> CowDetach(const GlobalOptions& options, const std::string& path) {
  VENEER_TRY(DetachDisk(path));
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = path;
    json["detached"] = true;
    VENEER_TRY(PrintJson(json));
  }
  return 0;
}

Result<int> CowServe(const GlobalOptions& options, const CowAttachArguments& arguments,
                     int ready_fd) {
  if (::fcntl(ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Fail(ErrorKind::kUsage, fmt::format("--ready-fd {} is no open descriptor", ready_fd),
                "use 'veneer cow attach': it starts the server");
  }
  return ServeDisk(RequestOf(options, arguments), UniqueFd(ready_fd));
}

}  // namespace veneer
