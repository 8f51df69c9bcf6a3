#include "library/loop_registry.h"

#include <utility>

#include "backend/dm/host_dm_backend.h"
#include "backend/dm/origin_devices.h"
#include "backend/run_directory.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"
#include "library/loop_registry_parts.h"

namespace veneer {
namespace {

// The ports are a base, so that they are there before the parts and after them.
struct LinuxParts final : private LinuxDmPorts, LoopRegistry::Parts {
  explicit LinuxParts(std::string run_directory)
      : Parts(LinuxDmPorts::loops, LinuxDmPorts::devices, std::move(run_directory)) {}
};

}  // namespace

LoopRegistry::LoopRegistry(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LoopRegistry::LoopRegistry(LoopRegistry&& other) noexcept = default;
LoopRegistry& LoopRegistry::operator=(LoopRegistry&& other) noexcept = default;
LoopRegistry::~LoopRegistry() = default;

Result<LoopRegistry> LoopRegistry::Open(const std::string& run_dir) {
  std::string directory = run_dir + "/dm";
  VENEER_TRY(PrepareRunDirectory(directory));
  return LoopRegistry(std::make_unique<LinuxParts>(std::move(directory)));
}

Result<OriginLoop> LoopRegistry::Acquire(const std::string& image) {
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  const Bytes size = VENEER_TRY(file->Size());
  VENEER_TRY(dm::RequireWholeSectors(image, size));
  // An instance has devices of its own only for disks larger than their image.
  dm::OriginDevices origins(parts_->loops, parts_->devices, "", parts_->directory);
  const UniqueFd lock = VENEER_TRY(LockRunDirectory(parts_->directory));
  origins.ForgetCleared();
  dm::OriginDevice origin = VENEER_TRY(origins.Take(*file, size, size));
  OriginLoop loop{.path = std::move(origin.path)};
  if (!origin.holds.empty()) loop.hold = std::move(origin.holds.front());
  return loop;
}

}  // namespace veneer
