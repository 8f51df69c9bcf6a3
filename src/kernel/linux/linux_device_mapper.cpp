#include "kernel/linux/linux_device_mapper.h"

#include <fmt/format.h>
#include <linux/dm-ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "kernel/dm_name.h"
#include "kernel/linux/device_node.h"
#include "kernel/linux/dm_ioctl.h"
#include "kernel/linux/dm_library.h"

namespace veneer {
namespace {

// The module of a target: most are named like it.
std::string_view ModuleOf(std::string_view target) {
  if (target.starts_with("snapshot")) return "snapshot";
  if (target.starts_with("thin")) return "thin-pool";
  return target;
}

dev_t DeviceBehind(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode) ? status.st_rdev : 0;
}

DmState ReadState(const DmFunctions& dm, dm_task* task, const dm_info& info) {
  DmState state{.device = {.name = dm.task_get_name(task),
                           .uuid = dm.task_get_uuid(task),
                           .device = makedev(info.major, info.minor)},
                .open_count = static_cast<std::uint32_t>(std::max(info.open_count, 0)),
                .suspended = info.suspended != 0,
                .status = {}};
  void* next = nullptr;
  do {
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    char* type = nullptr;
    char* params = nullptr;
    next = dm.get_next_target(task, next, &start, &length, &type, &params);
    if (type == nullptr) break;  // no table
    std::string_view text = params == nullptr ? "" : params;
    while (text.ends_with(' ')) text.remove_suffix(1);
    state.status.push_back({Sectors(start), Sectors(length), type, std::string(text)});
  } while (next != nullptr);
  return state;
}

}  // namespace

Result<void> LinuxDeviceMapper::RequireTarget(const std::string& type) {
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  // Asking for its version loads its module.
  Result<void> asked = RunDm({.type = DM_DEVICE_GET_TARGET_VERSION,
                              .name = type,
                              .step = fmt::format("look for the target {}", type)});
  if (asked || asked.error().os_errno != EINVAL) return asked;
  return Fail(Error{ErrorKind::kUnsupported, asked.error().os_errno,
                    fmt::format("this kernel has no device-mapper target {}", type),
                    fmt::format("load the kernel module: modprobe dm-{}", ModuleOf(type))});
}

Result<DmDevice> LinuxDeviceMapper::Create(const DmSpec& spec) {
  VENEER_TRY(CheckDmName(spec.name));
  VENEER_TRY(CheckDmUuid(spec.uuid));
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  // Step by step, so that a message says which one failed.
  VENEER_TRY(CreateDm(control, spec.name, spec.uuid));
  Result<DmDevice> started = LoadAndStart(control, spec);
  if (started) return started;
  const Result<void> undone = RemoveDevice(control, spec.name);
  if (!undone) {
    Error error = std::move(started).error();
    error.hint += fmt::format("{}it was left behind: {}", error.hint.empty() ? "" : "; ",
                              undone.error().what);
    return Fail(std::move(error));
  }
  return started;
}

Result<DmDevice> LinuxDeviceMapper::LoadAndStart(const UniqueFd& control, const DmSpec& spec) {
  VENEER_TRY(LoadDm(control, spec));
  const DmChange started = VENEER_TRY(RunWithUdev(
      udev_patience_, [&](std::uint32_t event) { return StartDm(control, spec.name, event); }));
  DmDevice device{.name = spec.name, .uuid = spec.uuid, .device = started.device};
  VENEER_TRY(EnsureBlockNode(device.Path(), device.device));
  return device;
}

Result<void> LinuxDeviceMapper::Remove(const std::string& name) {
  VENEER_TRY(CheckDmName(name));
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  return RemoveDevice(control, name);
}

Result<void> LinuxDeviceMapper::RemoveDevice(const UniqueFd& control, const std::string& name) {
  const std::string path = DmDevice{.name = name, .uuid = {}}.Path();
  const dev_t before = DeviceBehind(path);
  const Result<DmChange> removed = RunWithUdev(
      udev_patience_, [&](std::uint32_t event) { return RemoveDm(control, name, event); });
  if (removed) return RemoveBlockNode(path, before);  // which udev leaves undone, where none runs
  if (removed.error().kind == ErrorKind::kNotFound) {
    RemoveBlockNode(path, before).Ignore("that there is no such device says more");
  }
  return Fail(removed.error());
}

Result<std::vector<DmDevice>> LinuxDeviceMapper::List(const std::string& uuid_prefix) {
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  std::vector<DmDevice> devices = VENEER_TRY(ListDmDevices(control));
  std::erase_if(devices, [&](const DmDevice& each) { return !each.uuid.starts_with(uuid_prefix); });
  return devices;
}

Result<DmState> LinuxDeviceMapper::Query(const std::string& name) {
  VENEER_TRY(CheckDmName(name));
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  dm_info info{};
  DmState state;
  // One call: what an INFO tells comes with the STATUS.
  VENEER_TRY(RunDm(
      {.type = DM_DEVICE_STATUS,
       .name = name,
       .step = fmt::format("ask for the state of {}", name),
       .prepare = [](const DmFunctions& dm, dm_task* task) { return dm.task_no_flush(task) != 0; },
       .read =
           [&](const DmFunctions& dm, dm_task* task) {
             if (dm.task_get_info(task, &info) == 0) info.exists = 0;
             if (info.exists != 0) state = ReadState(dm, task, info);
           }}));
  if (info.exists != 0) return state;
  return Fail(ErrorKind::kNotFound, fmt::format("there is no device-mapper device {}", name));
}

Result<void> LinuxDeviceMapper::Suspend(const std::string& name) {
  VENEER_TRY(CheckDmName(name));
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  return SuspendDm(control, name);
}

Result<void> LinuxDeviceMapper::Resume(const std::string& name) {
  VENEER_TRY(CheckDmName(name));
  const UniqueFd control = VENEER_TRY(OpenDmControl());
  VENEER_TRY(RunWithUdev(udev_patience_,
                         [&](std::uint32_t event) { return StartDm(control, name, event); }));
  return {};
}

}  // namespace veneer
