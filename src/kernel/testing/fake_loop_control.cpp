#include "kernel/testing/fake_loop_control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace veneer::testing {
namespace {

constexpr unsigned kLoopMajor = 7;

// The first end stays with the model, the second one is the hold.
Result<std::pair<UniqueFd, UniqueFd>> MakeHold() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "make a hold");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

bool IsClosed(const UniqueFd& our_end) {
  pollfd asked{.fd = our_end.get(), .events = 0, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 && (unsigned(asked.revents) & unsigned{POLLHUP}) != 0;
}

std::unexpected<Error> NoFileBehind(const std::string& device) {
  return Fail(Error{ErrorKind::kNotFound, ENXIO, fmt::format("no file is behind {}", device), ""});
}

}  // namespace

LoopDevice FakeLoopControl::Device::Describe() const {
  LoopDevice described = device;
  described.stacked = static_cast<unsigned>(tables);
  return described;
}

void FakeLoopControl::Settle() const {
  for (auto& [number, device] : devices_) std::erase_if(device.holds, IsClosed);
  std::erase_if(devices_, [](const auto& entry) {
    const Device& device = entry.second;
    return device.autoclear && device.holds.empty() && device.tables == 0;
  });
}

Result<unsigned> FakeLoopControl::FreeNumber(const LoopOptions& options) const {
  if (limit_ && devices_.size() >= *limit_) {
    return Fail(Error{ErrorKind::kConflict, ENOSPC, "no loop device is left",
                      "free some that nobody needs: losetup --list shows them all"});
  }
  unsigned number = options.number.value_or(0);
  if (options.number && devices_.contains(number)) {
    return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("/dev/loop{} is taken", number),
                      "another file is on it"});
  }
  while (devices_.contains(number)) ++number;
  return number;
}

Result<unsigned> FakeLoopControl::Bind(const UniqueFd& file, const std::string& path,
                                       const LoopOptions& options, std::optional<UniqueFd> hold) {
  const unsigned number = VENEER_TRY(FreeNumber(options));
  const LinuxFile backing(UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), path);
  const FileIdentity identity = VENEER_TRY(backing.Identity());
  const Bytes size = VENEER_TRY(backing.Size());
  Device device{.device = {.number = number,
                           .path = fmt::format("/dev/loop{}", number),
                           .device = makedev(kLoopMajor, number),
                           .direct = options.io == LoopIo::kDirect},
                .file = identity,
                .path = std::filesystem::absolute(path),
                .backing = UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)),
                .size = Sectors(size / kSectorSize),
                .autoclear = hold.has_value()};
  if (hold) device.holds.push_back(*std::move(hold));
  devices_.emplace(number, std::move(device));
  return number;
}

Result<LoopDevice> FakeLoopControl::Attach(const std::string& file, const LoopOptions& options) {
  const auto planned = faults_.Enter(KernelVerb::kAttach);
  if (planned.before) return Fail(*planned.before);
  const auto backing = VENEER_TRY(LinuxFile::Open(file, options.access));
  const std::scoped_lock lock(mutex_);
  Settle();
  const unsigned number = VENEER_TRY(Bind(backing->fd(), file, options, std::nullopt));
  if (planned.after) return Fail(*planned.after);
  return devices_.at(number).Describe();
}

Result<HeldLoop> FakeLoopControl::AttachHeld(const LinuxFile& file, const LoopOptions& options) {
  const auto planned = faults_.Enter(KernelVerb::kAttachHeld);
  if (planned.before) return Fail(*planned.before);
  auto [ours, theirs] = VENEER_TRY(MakeHold());
  const std::scoped_lock lock(mutex_);
  Settle();
  const unsigned number = VENEER_TRY(Bind(file.fd(), file.name(), options, std::move(ours)));
  if (planned.after) return Fail(*planned.after);
  return HeldLoop{.device = devices_.at(number).Describe(), .hold = std::move(theirs)};
}

Result<HeldLoop> FakeLoopControl::Hold(unsigned number, const FileIdentity& file) {
  const auto planned = faults_.Enter(KernelVerb::kHold);
  if (planned.before) return Fail(*planned.before);
  auto [ours, theirs] = VENEER_TRY(MakeHold());
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(number);
  if (found == devices_.end()) return NoFileBehind(fmt::format("/dev/loop{}", number));
  if (found->second.file != file) {
    return Fail(ErrorKind::kNotFound, fmt::format("another file is behind /dev/loop{}", number));
  }
  if (planned.after) return Fail(*planned.after);
  found->second.holds.push_back(std::move(ours));
  return HeldLoop{.device = found->second.Describe(), .hold = std::move(theirs)};
}

Result<std::vector<LoopDevice>> FakeLoopControl::Find(const FileIdentity& file,
                                                      const std::string& path) const {
  const auto planned = faults_.Enter(KernelVerb::kFind);
  if (planned.any()) return Fail(*planned.any());
  const std::scoped_lock lock(mutex_);
  Settle();
  std::vector<LoopDevice> found;
  for (const auto& [number, device] : devices_) {
    if (device.file == file || device.path == path) found.push_back(device.Describe());
  }
  return found;
}

Result<std::string> FakeLoopControl::BackingFile(const std::string& device) const {
  const auto planned = faults_.Enter(KernelVerb::kBackingFile);
  if (planned.any()) return Fail(*planned.any());
  const std::scoped_lock lock(mutex_);
  Settle();
  for (const auto& [number, each] : devices_) {
    if (each.device.path == device) return paths_hidden_ ? "" : each.path;
  }
  return NoFileBehind(device);
}

Result<void> FakeLoopControl::UpdateSize(const LoopDevice& device) {
  const auto planned = faults_.Enter(KernelVerb::kUpdateSize);
  if (planned.before) return Fail(*planned.before);
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(device.number);
  if (found == devices_.end()) return NoFileBehind(device.path);
  const LinuxFile backing(UniqueFd(::fcntl(found->second.backing.get(), F_DUPFD_CLOEXEC, 0)),
                          found->second.path);
  const Bytes size = VENEER_TRY(backing.Size());
  found->second.size = Sectors(size / kSectorSize);
  if (planned.after) return Fail(*planned.after);
  return {};
}

Result<void> FakeLoopControl::Detach(const LoopDevice& device, OnWriteError /*on_write_error*/) {
  const auto planned = faults_.Enter(KernelVerb::kDetach);
  if (planned.before) return Fail(*planned.before);
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(device.number);
  if (found != devices_.end()) {
    if (!found->second.holds.empty() || found->second.tables != 0) {
      return Fail(Error{ErrorKind::kConflict, EBUSY, fmt::format("{} is in use", device.path),
                        "close what has it open"});
    }
    devices_.erase(found);
  }
  if (planned.after) return Fail(*planned.after);
  return {};
}

std::size_t FakeLoopControl::Bound() const {
  const std::scoped_lock lock(mutex_);
  Settle();
  return devices_.size();
}

std::vector<LoopDevice> FakeLoopControl::Devices() const {
  const std::scoped_lock lock(mutex_);
  Settle();
  std::vector<LoopDevice> devices;
  devices.reserve(devices_.size());
  for (const auto& [number, device] : devices_) devices.push_back(device.Describe());
  return devices;
}

std::size_t FakeLoopControl::Openers(unsigned number) const {
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(number);
  return found == devices_.end() ? 0 : found->second.holds.size() + found->second.tables;
}

void FakeLoopControl::SetLimit(std::size_t devices) {
  const std::scoped_lock lock(mutex_);
  limit_ = devices;
}

void FakeLoopControl::HidePaths(bool hidden) {
  const std::scoped_lock lock(mutex_);
  paths_hidden_ = hidden;
}

std::optional<Sectors> FakeLoopControl::Open(dev_t device) {
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(minor(device));
  if (major(device) != kLoopMajor || found == devices_.end()) return std::nullopt;
  ++found->second.tables;
  return found->second.size;
}

void FakeLoopControl::Close(dev_t device) {
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(minor(device));
  if (major(device) == kLoopMajor && found != devices_.end()) --found->second.tables;
}

std::optional<Sectors> FakeLoopControl::SizeOf(dev_t device) const {
  const std::scoped_lock lock(mutex_);
  Settle();
  const auto found = devices_.find(minor(device));
  if (major(device) != kLoopMajor || found == devices_.end()) return std::nullopt;
  return found->second.size;
}

}  // namespace veneer::testing
