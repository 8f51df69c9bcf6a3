// nbdkit-veneer-plugin.so: a disk for nbdkit.
//
//   $ nbdkit veneer store=sandbox.cow origin=debian.img
//
// `veneer cow attach --export nbd` runs the same, with parameters of its own (nbd_process.h).
#include <fcntl.h>
#include <fmt/format.h>
#include <nbdkit-plugin.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "backend/user/nbd_process.h"
#include "backend/user/nbd_server.h"
#include "backend/user/nbd_start.h"
#include "backend/user/served_disk.h"
#include "export/nbd/nbdkit_callbacks.h"
#include "kernel/linux/linux_holders.h"
#include "kernel/linux/linux_loop_control.h"

namespace veneer {
namespace {

// A disk that nobody attached: it ends with nbdkit.
struct PlainDisk {
  explicit PlainDisk(std::unique_ptr<ServedDisk> opened)
      : disk(std::move(opened)), served(disk->disk()) {}

  std::unique_ptr<ServedDisk> disk;
  NbdkitDisk served;
};

// What nbdkit's C functions work on.
struct Plugin {
  AttachRequest request;
  UniqueFd ready;
  bool managed = false;
  std::unique_ptr<PlainDisk> plain;
  std::unique_ptr<NbdProcess> process;
};

Plugin& ThePlugin() {
  static Plugin plugin;
  return plugin;
}

int Failed(const Error& error) {
  nbdkit_error("%s%s%s", error.what.c_str(), error.hint.empty() ? "" : ": ", error.hint.c_str());
  return -1;
}

int SetPath(std::string& path, const char* value) {
  char* const absolute = nbdkit_absolute_path(value);
  if (absolute == nullptr) return -1;
  path = absolute;
  ::free(absolute);  // NOLINT(cppcoreguidelines-no-malloc): nbdkit's memory
  return 0;
}

int SetReady(const char* value) {
  int fd = -1;
  if (nbdkit_parse_int(kNbdReadyKey, value, &fd) != 0) return -1;
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    nbdkit_error("%s=%d is no open descriptor", kNbdReadyKey, fd);
    return -1;
  }
  ThePlugin().ready = UniqueFd(fd);
  ThePlugin().managed = true;
  return 0;
}

int Configure(const char* key, const char* value) {
  AttachRequest& request = ThePlugin().request;
  const std::string_view name = key;
  if (name == "store") return SetPath(request.store, value);
  if (name == "origin") return SetPath(request.origin, value);
  if (name == "readonly") {
    const int read_only = nbdkit_parse_bool(value);
    if (read_only > 0) request.access = DiskAccess::kReadOnly;
    return read_only < 0 ? -1 : 0;
  }
  if (name == kNbdAtKey) return SetPath(request.at, value);
  if (name == kNbdRunKey) return SetPath(request.run_dir, value);
  if (name == kNbdReadyKey) return SetReady(value);
  nbdkit_error("unknown parameter '%s'", key);
  return -1;
}

int RequireParameters() {
  const AttachRequest& request = ThePlugin().request;
  if (!request.store.empty() && !request.origin.empty()) return 0;
  nbdkit_error("store=FILE and origin=IMAGE are needed");
  return -1;
}

Result<std::unique_ptr<PlainDisk>> OpenPlain(const AttachRequest& request) {
  const LinuxLoopControl loops;
  const LinuxHolders holders(loops);
  auto opened = VENEER_TRY(ServedDisk::Open(request, request.store, holders));
  auto plain = std::make_unique<PlainDisk>(std::move(opened));
  plain->served.description = fmt::format("{} over {}", request.store, request.origin);
  if (request.access == DiskAccess::kReadWrite) {
    plain->served.fast_zero = FastZeroOn(plain->disk->store());
  }
  return plain;
}

// Before nbdkit goes into the background: a mistake shows where the command was typed.
int GetReady() {
  Plugin& plugin = ThePlugin();
  if (plugin.managed) {
    auto process = NbdProcess::Start(plugin.request, std::move(plugin.ready));
    if (!process) return Failed(process.error());
    plugin.process = *std::move(process);
    return 0;
  }
  auto plain = OpenPlain(plugin.request);
  if (!plain) return Failed(plain.error());
  plugin.plain = *std::move(plain);
  ServeThroughNbdkit(&plugin.plain->served);
  return 0;
}

int AfterFork() {
  Plugin& plugin = ThePlugin();
  if (!plugin.process) return 0;
  const Result<void> serving = plugin.process->Serve();
  if (serving) return 0;
  plugin.process.reset();
  return Failed(serving.error());
}

// No connection is left.
void Cleanup() {
  Plugin& plugin = ThePlugin();
  ServeThroughNbdkit(nullptr);
  if (!plugin.plain) return;
  const Result<void> flushed = plugin.plain->disk->Flush();
  if (!flushed) Failed(flushed.error());
  plugin.plain.reset();
}

nbdkit_plugin MakePlugin() {
  nbdkit_plugin plugin{};
  plugin.name = "veneer";
  plugin.longname = "Veneer";
  plugin.version = VENEER_VERSION;
  plugin.description = "a writable disk over a read-only image, in a store of the kernel's format";
  plugin.config = Configure;
  plugin.config_complete = RequireParameters;
  plugin.config_help =
      "store=FILE       (required) what was changed; see 'veneer cow create'\n"
      "origin=IMAGE     (required) the image that the store was made for\n"
      "readonly=true    several may have the store open then";
  plugin.get_ready = GetReady;
  plugin.after_fork = AfterFork;
  plugin.cleanup = Cleanup;
  SetRequestCallbacks(plugin);
  return plugin;
}

nbdkit_plugin registered = MakePlugin();  // NOLINT(misc-use-internal-linkage)

}  // namespace
}  // namespace veneer

// NOLINTNEXTLINE: nbdkit's macro, and its name
NBDKIT_REGISTER_PLUGIN(veneer::registered)
