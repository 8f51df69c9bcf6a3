#include "kernel/linux/dm_ioctl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "kernel/linux/device_node.h"
#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

constexpr unsigned kMiscMajor = 10;  // Documentation/admin-guide/devices.txt
constexpr unsigned kControlMinor = 236;
constexpr std::uint32_t kMinorWithUuids = 45;  // the interface's version that lists UUIDs
constexpr std::size_t kFirstBuffer = std::size_t{64} << 10U;
constexpr std::size_t kLargestBuffer = std::size_t{64} << 20U;

std::string ControlPath() { return fmt::format("/dev/{}/{}", DM_DIR, DM_CONTROL_NODE); }

bool KernelHasDeviceMapper() {
  const Result<std::string> misc = ReadText("/proc/misc");
  return misc && misc->find(" device-mapper\n") != std::string::npos;
}

dm_ioctl Request(std::size_t size) {
  dm_ioctl request{};
  request.version[0] = DM_VERSION_MAJOR;
  request.version[1] = kMinorWithUuids;
  request.data_size = static_cast<std::uint32_t>(size);
  request.data_start = sizeof(dm_ioctl);
  return request;
}

dm_ioctl RequestFor(const std::string& name) {
  dm_ioctl request = Request(sizeof(dm_ioctl));
  std::memcpy(request.name, name.data(), std::min(name.size(), sizeof request.name - 1));
  return request;
}

template <class Number>
std::optional<Number> NumberAt(std::span<const std::byte> bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(Number)) return std::nullopt;
  Number number{};
  std::memcpy(&number, bytes.subspan(at).data(), sizeof number);
  return number;
}

// What precedes the first NUL.
std::optional<std::string> TextAt(std::span<const std::byte> bytes, std::size_t at) {
  if (at > bytes.size()) return std::nullopt;
  const auto rest = bytes.subspan(at);
  const auto end = std::ranges::find(rest, std::byte{0});
  if (end == rest.end()) return std::nullopt;
  std::string text(static_cast<std::size_t>(end - rest.begin()), '\0');
  std::memcpy(text.data(), rest.data(), text.size());
  return text;
}

constexpr std::size_t RoundUp(std::size_t n) { return (n + 7) / 8 * 8; }

std::string_view HintFor(unsigned long call, int error) {
  if (error == EACCES || error == EPERM) return "run as root";
  if (error == EBUSY && call == DM_DEV_CREATE) {
    return "a device of this name or UUID is there already";
  }
  if (error == EBUSY && call == DM_DEV_REMOVE) return "close what has it open";
  if (error == EINVAL && call == DM_TABLE_LOAD) return "the kernel log says why: dmesg";
  return {};
}

Result<void> Call(const UniqueFd& control, unsigned long call, void* request,
                  const std::string& step) {
  if (::ioctl(control.get(), call, request) == 0) return {};
  const int error = errno;
  return FailErrno(error, step, std::string(HintFor(call, error)));
}

std::size_t SizeInTable(const DmTarget& target) {
  return RoundUp(sizeof(dm_target_spec) + target.params.size() + 1);
}

// A dm_target_spec for each target, its parameters, NUL, and zeros up to the next multiple of 8.
std::vector<std::byte> TableRequest(const DmSpec& spec) {
  std::size_t size = sizeof(dm_ioctl);
  for (const DmTarget& target : spec.table) size += SizeInTable(target);
  std::vector<std::byte> bytes(size);
  dm_ioctl request = RequestFor(spec.name);
  request.data_size = static_cast<std::uint32_t>(size);
  request.target_count = static_cast<std::uint32_t>(spec.table.size());
  if (spec.access == Access::kReadOnly) request.flags = DM_READONLY_FLAG;
  std::memcpy(bytes.data(), &request, sizeof request);
  std::span<std::byte> rest = std::span(bytes).subspan(sizeof request);
  for (const DmTarget& target : spec.table) {
    dm_target_spec head{};
    head.sector_start = target.start.value();
    head.length = target.length.value();
    head.next = static_cast<std::uint32_t>(SizeInTable(target));
    std::memcpy(head.target_type, target.type.data(),
                std::min(target.type.size(), sizeof head.target_type - 1));
    std::memcpy(rest.data(), &head, sizeof head);
    std::memcpy(rest.subspan(sizeof head).data(), target.params.data(), target.params.size());
    rest = rest.subspan(SizeInTable(target));
  }
  return bytes;
}

Result<DmChange> Change(const UniqueFd& control, unsigned long call, dm_ioctl request,
                        const std::string& step) {
  VENEER_TRY(Call(control, call, &request, step));
  return DmChange{.device = static_cast<dev_t>(request.dev),
                  .event_sent = (request.flags & unsigned{DM_UEVENT_GENERATED_FLAG}) != 0};
}

std::optional<DmDevice> DecodeRecord(std::span<const std::byte> record) {
  constexpr std::size_t kName = offsetof(dm_name_list, name);
  const auto device = NumberAt<std::uint64_t>(record, 0);
  const auto name = TextAt(record, kName);
  if (!device || !name) return std::nullopt;
  const std::size_t more = RoundUp(kName + name->size() + 1);
  const auto flags = NumberAt<std::uint32_t>(record, more + sizeof(std::uint32_t));
  if (!flags) return std::nullopt;
  DmDevice decoded{.name = *name, .uuid = {}, .device = static_cast<dev_t>(*device)};
  if ((*flags & unsigned{DM_NAME_LIST_FLAG_HAS_UUID}) == 0) return decoded;
  const auto uuid = TextAt(record, more + 2 * sizeof(std::uint32_t));
  if (!uuid) return std::nullopt;
  decoded.uuid = *uuid;
  return decoded;
}

}  // namespace

Result<UniqueFd> OpenDmControl() {
  // No node is made where it would lead nowhere.
  const std::string path = ControlPath();
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT && KernelHasDeviceMapper()) {
    if (::mkdir("/dev/" DM_DIR, 0755) != 0 && errno != EEXIST) {
      return FailErrno(errno, "make /dev/" DM_DIR);
    }
    fd = OpenNode(path, O_RDWR, S_IFCHR, makedev(kMiscMajor, kControlMinor));
  }
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == EACCES || error == EPERM) {
    return FailErrno(error, fmt::format("open {}", path), "run as root");
  }
  return Fail(Error{ErrorKind::kUnsupported, error, "this host has no device-mapper",
                    "load the kernel module: modprobe dm-mod"});
}

Result<std::vector<DmDevice>> DecodeDmList(std::span<const std::byte> records) {
  std::vector<DmDevice> devices;
  const auto first = NumberAt<std::uint64_t>(records, 0);
  if (!first || *first == 0) return devices;  // the kernel's way to say that there is none
  while (true) {
    std::optional<DmDevice> device = DecodeRecord(records);
    const auto next = NumberAt<std::uint32_t>(records, offsetof(dm_name_list, next));
    if (!device || !next || *next > records.size()) {
      return Fail(ErrorKind::kCorrupt, "the kernel's list of device-mapper devices is cut off");
    }
    devices.push_back(*std::move(device));
    if (*next == 0) return devices;
    records = records.subspan(*next);
  }
}

Result<std::vector<DmDevice>> ListDmDevices(const UniqueFd& control) {
  for (std::size_t size = kFirstBuffer;; size *= 2) {
    std::vector<std::byte> buffer(size);
    dm_ioctl request = Request(size);
    request.flags = DM_UUID_FLAG;  // with UUIDs
    std::memcpy(buffer.data(), &request, sizeof request);
    if (::ioctl(control.get(), DM_LIST_DEVICES, buffer.data()) != 0) {
      return FailErrno(errno, "list the device-mapper devices");
    }
    std::memcpy(&request, buffer.data(), sizeof request);
    if ((request.flags & unsigned{DM_BUFFER_FULL_FLAG}) == 0) {
      const std::size_t begin = std::min<std::size_t>(request.data_start, size);
      const std::size_t end = std::clamp<std::size_t>(request.data_size, begin, size);
      return DecodeDmList(std::span(buffer).subspan(begin, end - begin));
    }
    if (size >= kLargestBuffer) {
      return Fail(ErrorKind::kFailed, "there are too many device-mapper devices to list");
    }
  }
}

Result<void> CreateDm(const UniqueFd& control, const std::string& name, const std::string& uuid) {
  dm_ioctl request = RequestFor(name);
  std::memcpy(request.uuid, uuid.data(), std::min(uuid.size(), sizeof request.uuid - 1));
  return Call(control, DM_DEV_CREATE, &request, fmt::format("create {}", name));
}

Result<void> LoadDm(const UniqueFd& control, const DmSpec& spec) {
  std::vector<std::byte> request = TableRequest(spec);
  return Call(control, DM_TABLE_LOAD, request.data(),
              fmt::format("load the table of {}", spec.name));
}

Result<DmChange> StartDm(const UniqueFd& control, const std::string& name, std::uint32_t event) {
  dm_ioctl request = RequestFor(name);
  request.event_nr = event;
  return Change(control, DM_DEV_SUSPEND, request, fmt::format("start {}", name));
}

Result<DmChange> RemoveDm(const UniqueFd& control, const std::string& name, std::uint32_t event) {
  dm_ioctl request = RequestFor(name);
  request.event_nr = event;
  return Change(control, DM_DEV_REMOVE, request, fmt::format("remove {}", name));
}

Result<void> SuspendDm(const UniqueFd& control, const std::string& name) {
  dm_ioctl request = RequestFor(name);
  request.flags = unsigned{DM_SUSPEND_FLAG} | unsigned{DM_SKIP_LOCKFS_FLAG};
  return Call(control, DM_DEV_SUSPEND, &request, fmt::format("suspend {}", name));
}

}  // namespace veneer
