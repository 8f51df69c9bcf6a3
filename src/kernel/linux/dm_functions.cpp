#include "kernel/linux/dm_functions.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>

namespace veneer {
namespace {

std::unexpected<Error> Missing() {
  const char* reason = ::dlerror();
  return Fail(ErrorKind::kUnsupported,
              fmt::format("load libdevmapper: {}", reason == nullptr ? "no reason given" : reason),
              "install it (on Debian: apt-get install libdevmapper1.02.1)");
}

struct Unload {
  void operator()(void* library) const { ::dlclose(library); }
};

}  // namespace

Result<DmFunctions> LoadDmFunctions(const char* library) {
  std::unique_ptr<void, Unload> loaded(::dlopen(library, RTLD_NOW | RTLD_LOCAL));
  if (!loaded) return Missing();
  bool complete = true;
  const auto find = [&]<class Function>(Function*& function, const char* name) {
    function = complete ? reinterpret_cast<Function*>(::dlsym(loaded.get(), name)) : nullptr;
    complete = function != nullptr;
  };
  DmFunctions dm;
  find(dm.log_with_errno_init, "dm_log_with_errno_init");
  find(dm.set_name_mangling_mode, "dm_set_name_mangling_mode");
  find(dm.lib_release, "dm_lib_release");
  find(dm.task_create, "dm_task_create");
  find(dm.task_destroy, "dm_task_destroy");
  find(dm.task_set_name, "dm_task_set_name");
  find(dm.task_set_cookie, "dm_task_set_cookie");
  find(dm.task_no_flush, "dm_task_no_flush");
  find(dm.task_run, "dm_task_run");
  find(dm.task_get_errno, "dm_task_get_errno");
  find(dm.task_get_info, "dm_task_get_info");
  find(dm.task_get_name, "dm_task_get_name");
  find(dm.task_get_uuid, "dm_task_get_uuid");
  find(dm.get_next_target, "dm_get_next_target");
  find(dm.udev_get_sync_support, "dm_udev_get_sync_support");
  find(dm.udev_complete, "dm_udev_complete");
  find(dm.udev_wait, "dm_udev_wait");
  find(dm.udev_wait_immediate, "dm_udev_wait_immediate");
  if (!complete) return Missing();
  // For ever: it has told the process's end of itself (atexit).
  [[maybe_unused]] void* const kept = loaded.release();
  return dm;
}

Result<const DmFunctions*> LoadedDmFunctions() {
  static std::mutex mutex;
  static std::optional<DmFunctions> functions;
  const std::scoped_lock lock(mutex);
  if (!functions) functions = VENEER_TRY(LoadDmFunctions(VENEER_LIBDEVMAPPER));
  return &*functions;
}

}  // namespace veneer
