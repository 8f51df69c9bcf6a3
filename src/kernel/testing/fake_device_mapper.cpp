#include "kernel/testing/fake_device_mapper.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <ranges>
#include <sstream>
#include <utility>

#include "kernel/dm_name.h"

namespace veneer::testing {
namespace {

constexpr unsigned kLoopMajor = 7;
// No real device has it: what is looked up by number must not find a disk of this machine.
constexpr unsigned kDmMajor = 1000;

std::unexpected<Error> Unknown(const std::string& name) {
  return Fail(Error{ErrorKind::kNotFound, ENXIO,
                    fmt::format("there is no device-mapper device {}", name), ""});
}

std::unexpected<Error> Refused(const std::string& why) {
  return Fail(Error{ErrorKind::kFailed, EINVAL, fmt::format("load the table: {}", why),
                    "the kernel log says why: dmesg"});
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// A number in a table; none that is not.
std::optional<std::uint64_t> NumberIn(const std::string& word) {
  unsigned long long number = 0;
  char rest = 0;
  if (std::sscanf(word.c_str(), "%llu%c", &number, &rest) != 1) return std::nullopt;
  return number;
}

// The sectors of a chunk of a snapshot: "ORIGIN STORE P|PO|N CHUNK [features]".
std::optional<std::uint64_t> ChunkOf(const std::vector<std::string>& words) {
  if (words.size() < 4 || (words[2] != "P" && words[2] != "PO" && words[2] != "N")) {
    return std::nullopt;
  }
  const auto chunk = NumberIn(words[3]);
  return chunk && std::has_single_bit(*chunk) ? chunk : std::nullopt;
}

}  // namespace

Sectors FakeDeviceMapper::Device::size() const {
  return table.empty() ? Sectors(0) : table.back().start + table.back().length;
}

std::size_t FakeDeviceMapper::Device::openers() const {
  return static_cast<std::size_t>(opened.use_count()) - 1 + tables;
}

Result<void> FakeDeviceMapper::CheckFree(const DmSpec& spec) const {
  for (const auto& [name, each] : devices_) {
    const bool same_uuid = !spec.uuid.empty() && each.device.uuid == spec.uuid;
    if (name != spec.name && !same_uuid) continue;
    return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("create {}", spec.name),
                      "a device of this name or UUID is there already"});
  }
  return {};
}

Result<Sectors> FakeDeviceMapper::OpenBelow(const std::string& number, std::vector<dev_t>& below) {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  char rest = 0;
  if (std::sscanf(number.c_str(), "%u:%u%c", &major_number, &minor_number, &rest) != 2) {
    return Refused(fmt::format("{} is no device", number));
  }
  const dev_t device = makedev(major_number, minor_number);
  std::optional<Sectors> size;
  if (major_number == kLoopMajor) size = loops_.Open(device);
  for (auto& [name, each] : devices_) {
    if (each.device.device != device) continue;
    ++each.tables;
    size = each.size();
  }
  if (!size) return Refused(fmt::format("there is no device {}, or it has no file", number));
  below.push_back(device);
  return *size;
}

Result<void> FakeDeviceMapper::LoadTarget(const DmTarget& target, std::vector<dev_t>& below) {
  const std::vector<std::string> words = Words(target.params);
  if (lacking_.contains(target.type)) return Refused("unknown target " + target.type);
  if (target.type == "zero" && words.empty()) return {};
  if (target.type == "linear" && words.size() == 2 && NumberIn(words[1])) {
    const Sectors size = VENEER_TRY(OpenBelow(words[0], below));
    if (Sectors(*NumberIn(words[1])) + target.length <= size) return {};
    return Refused(fmt::format("{} is too small for {}", words[0], target.params));
  }
  if (target.type == "snapshot" && ChunkOf(words) && words[0] != words[1]) {
    const Sectors origin = VENEER_TRY(OpenBelow(words[0], below));
    const Sectors store = VENEER_TRY(OpenBelow(words[1], below));
    if (target.length <= origin && store > Sectors(0)) return {};
    return Refused("the origin is too small, or the store is empty");
  }
  return Refused(fmt::format("no such target: {} {}", target.type, target.params));
}

Result<void> FakeDeviceMapper::Load(const std::vector<DmTarget>& table, std::vector<dev_t>& below) {
  if (table.empty()) return Refused("no targets");
  Sectors at;
  for (const DmTarget& target : table) {
    if (target.start != at || target.length == Sectors(0)) return Refused("gap in the table");
    VENEER_TRY(LoadTarget(target, below));
    at += target.length;
  }
  return {};
}

void FakeDeviceMapper::CloseBelow(const std::vector<dev_t>& below) {
  for (const dev_t device : below) {
    if (major(device) == kLoopMajor) loops_.Close(device);
    for (auto& [name, each] : devices_) {
      if (each.device.device == device) --each.tables;
    }
  }
}

FakeDeviceMapper::Device& FakeDeviceMapper::Insert(const std::string& name,
                                                   const std::string& uuid) {
  unsigned free = 0;
  const auto is_taken = [&](const auto& entry) {
    return entry.second.device.device == makedev(kDmMajor, free);
  };
  while (std::ranges::any_of(devices_, is_taken)) ++free;
  Device device{.device = {.name = name, .uuid = uuid, .device = makedev(kDmMajor, free)}};
  return devices_.insert_or_assign(name, std::move(device)).first->second;
}

Result<void> FakeDeviceMapper::RequireTarget(const std::string& type) {
  const auto planned = faults_.Enter(KernelVerb::kRequireTarget);
  if (planned.any()) return Fail(*planned.any());
  const std::scoped_lock lock(mutex_);
  if (!lacking_.contains(type)) return {};
  return Fail(ErrorKind::kUnsupported,
              fmt::format("this kernel has no device-mapper target {}", type),
              fmt::format("load the kernel module: modprobe dm-{}", type));
}

Result<DmDevice> FakeDeviceMapper::Create(const DmSpec& spec) {
  const auto planned = faults_.Enter(KernelVerb::kCreate);
  if (planned.before) return Fail(*planned.before);
  VENEER_TRY(CheckDmName(spec.name));
  VENEER_TRY(CheckDmUuid(spec.uuid));
  const std::scoped_lock lock(mutex_);
  VENEER_TRY(CheckFree(spec));
  std::vector<dev_t> below;
  const Result<void> loaded = Load(spec.table, below);
  if (!loaded) {
    CloseBelow(below);
    return Fail(loaded.error());
  }
  Device& device = Insert(spec.name, spec.uuid);
  device.table = spec.table;
  device.below = std::move(below);
  if (planned.after) return Fail(*planned.after);
  return device.device;
}

Result<void> FakeDeviceMapper::Remove(const std::string& name) {
  const auto planned = faults_.Enter(KernelVerb::kRemove);
  if (planned.before) return Fail(*planned.before);
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  if (found == devices_.end()) return Unknown(name);
  if (found->second.openers() != 0) {
    return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("remove {}", name),
                      "close what has it open"});
  }
  const std::vector<dev_t> below = std::move(found->second.below);
  devices_.erase(found);
  CloseBelow(below);
  if (planned.after) return Fail(*planned.after);
  return {};
}

Result<std::vector<DmDevice>> FakeDeviceMapper::List(const std::string& uuid_prefix) {
  const auto planned = faults_.Enter(KernelVerb::kList);
  if (planned.any()) return Fail(*planned.any());
  const std::scoped_lock lock(mutex_);
  std::vector<DmDevice> devices;
  for (const auto& [name, each] : devices_) {
    if (each.device.uuid.starts_with(uuid_prefix)) devices.push_back(each.device);
  }
  return devices;
}

std::string FakeDeviceMapper::StatusOf(const Device& device, const DmTarget& target) const {
  if (target.type != "snapshot") return "";
  const auto told = statuses_.find(device.device.name);
  if (told != statuses_.end()) return told->second;
  // The header and the first area, each a chunk.
  const std::vector<std::string> words = Words(target.params);
  const std::uint64_t metadata = 2 * ChunkOf(words).value_or(0);
  const dev_t store = device.below.back();
  std::optional<Sectors> size = loops_.SizeOf(store);
  for (const auto& [name, each] : devices_) {
    if (each.device.device == store) size = each.size();
  }
  return fmt::format("{}/{} {}", metadata, size.value_or(Sectors(0)).value(), metadata);
}

Result<DmState> FakeDeviceMapper::Query(const std::string& name) {
  const auto planned = faults_.Enter(KernelVerb::kQuery);
  if (planned.any()) return Fail(*planned.any());
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  if (found == devices_.end()) return Unknown(name);
  const Device& device = found->second;
  DmState state{.device = device.device,
                .open_count = static_cast<std::uint32_t>(device.openers()),
                .suspended = device.suspended,
                .status = device.table};
  for (DmTarget& target : state.status) target.params = StatusOf(device, target);
  return state;
}

Result<void> FakeDeviceMapper::Switch(KernelVerb verb, const std::string& name) {
  const auto planned = faults_.Enter(verb);
  if (planned.before) return Fail(*planned.before);
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  if (found == devices_.end()) return Unknown(name);
  found->second.suspended = verb == KernelVerb::kSuspend;
  if (planned.after) return Fail(*planned.after);
  return {};
}

Result<void> FakeDeviceMapper::Suspend(const std::string& name) {
  return Switch(KernelVerb::kSuspend, name);
}

Result<void> FakeDeviceMapper::Resume(const std::string& name) {
  return Switch(KernelVerb::kResume, name);
}

bool FakeDeviceMapper::Has(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  return devices_.contains(name);
}

std::vector<std::string> FakeDeviceMapper::Names() const {
  const std::scoped_lock lock(mutex_);
  const auto names = std::views::keys(devices_);
  return {names.begin(), names.end()};
}

std::vector<DmTarget> FakeDeviceMapper::TableOf(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  return found == devices_.end() ? std::vector<DmTarget>{} : found->second.table;
}

bool FakeDeviceMapper::IsSuspended(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  return found != devices_.end() && found->second.suspended;
}

std::shared_ptr<const void> FakeDeviceMapper::Open(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(name);
  return found == devices_.end() ? nullptr : found->second.opened;
}

void FakeDeviceMapper::SetStatus(const std::string& name, const std::string& status) {
  const std::scoped_lock lock(mutex_);
  statuses_[name] = status;
}

void FakeDeviceMapper::LeaveHalfMade(const std::string& name, const std::string& uuid) {
  const std::scoped_lock lock(mutex_);
  Insert(name, uuid);
}

void FakeDeviceMapper::Lack(const std::string& target) {
  const std::scoped_lock lock(mutex_);
  lacking_.insert(target);
}

}  // namespace veneer::testing
