// The functions of libdevmapper that are used, loaded when the first of them is needed: the library
// brings three others with it, and most processes never meet device-mapper (docs/adr/0032).
#pragma once

#include <libdevmapper.h>

#include "base/result.h"

namespace veneer {

// Named like the library's, without their "dm_".
struct DmFunctions {
  decltype(&::dm_log_with_errno_init) log_with_errno_init = nullptr;
  decltype(&::dm_set_name_mangling_mode) set_name_mangling_mode = nullptr;
  decltype(&::dm_lib_release) lib_release = nullptr;

  decltype(&::dm_task_create) task_create = nullptr;
  decltype(&::dm_task_destroy) task_destroy = nullptr;
  decltype(&::dm_task_set_name) task_set_name = nullptr;
  decltype(&::dm_task_set_cookie) task_set_cookie = nullptr;
  decltype(&::dm_task_no_flush) task_no_flush = nullptr;
  decltype(&::dm_task_run) task_run = nullptr;
  decltype(&::dm_task_get_errno) task_get_errno = nullptr;
  decltype(&::dm_task_get_info) task_get_info = nullptr;
  decltype(&::dm_task_get_name) task_get_name = nullptr;
  decltype(&::dm_task_get_uuid) task_get_uuid = nullptr;
  decltype(&::dm_get_next_target) get_next_target = nullptr;

  decltype(&::dm_udev_get_sync_support) udev_get_sync_support = nullptr;
  decltype(&::dm_udev_complete) udev_complete = nullptr;
  decltype(&::dm_udev_wait) udev_wait = nullptr;
  decltype(&::dm_udev_wait_immediate) udev_wait_immediate = nullptr;
};

// Of this process; they stay until it ends. `library`: a file name, for tests.
// Errors: kUnsupported where the library is missing, or older than a function. Any thread.
Result<const DmFunctions*> LoadedDmFunctions();
Result<DmFunctions> LoadDmFunctions(const char* library);

}  // namespace veneer
