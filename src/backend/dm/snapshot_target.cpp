#include "backend/dm/snapshot_target.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

namespace veneer::dm {
namespace {

constexpr std::uint64_t kMostSectors = std::numeric_limits<std::uint64_t>::max() / 512;

std::string Number(dev_t device) { return fmt::format("{}:{}", major(device), minor(device)); }

// Takes a number from the front of `text`, and `end` behind it.
std::optional<Sectors> TakeSectors(std::string_view& text, std::string_view end) {
  std::uint64_t value = 0;
  const char* const first = text.data();
  const auto [next, error] = std::from_chars(first, first + text.size(), value);
  if (error != std::errc{} || value > kMostSectors) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(next - first));
  if (!text.starts_with(end)) return std::nullopt;
  text.remove_prefix(end.size());
  return Sectors(value);
}

}  // namespace

std::vector<DmTarget> SnapshotTable(const SnapshotDevices& devices, Sectors length,
                                    ChunkSize chunk_size) {
  return {{.start = Sectors(0),
           .length = length,
           .type = std::string(kSnapshotTarget),
           .params = fmt::format("{} {} PO {} 1 discard_zeroes_cow", Number(devices.origin),
                                 Number(devices.store), chunk_size.bytes() / kSectorSize)}};
}

std::vector<DmTarget> PaddedOriginTable(dev_t image_device, Sectors image, Sectors length) {
  return {{.start = Sectors(0),
           .length = image,
           .type = "linear",
           .params = fmt::format("{} 0", Number(image_device))},
          {.start = image, .length = length - image, .type = "zero", .params = ""}};
}

Result<DiskFill> ParseSnapshotStatus(std::string_view params) {
  if (params == "Overflow")
    return DiskFill{.condition = StoreCondition::kOverflow, .used = Bytes(0), .capacity = Bytes(0)};
  if (params == "Invalid" || params == "Merge failed") {
    return DiskFill{.condition = StoreCondition::kInvalid, .used = Bytes(0), .capacity = Bytes(0)};
  }
  std::string_view rest = params;
  const auto used = TakeSectors(rest, "/");
  const auto total = used ? TakeSectors(rest, " ") : std::nullopt;
  const auto metadata = total ? TakeSectors(rest, "") : std::nullopt;
  if (!metadata || !rest.empty()) {
    return Fail(ErrorKind::kFailed,
                fmt::format("the kernel's status of a snapshot reads '{}'", params),
                "this kernel's device-mapper is not one that is known to work");
  }
  return DiskFill{.used = ToBytes(*used), .capacity = ToBytes(*total)};
}

Result<DiskFill> FillOf(const DmState& state) {
  if (state.status.size() != 1 || state.status.front().type != kSnapshotTarget) {
    return Fail(ErrorKind::kCorrupt, fmt::format("{} is no snapshot", state.device.Path()),
                "a command was killed half-way: 'veneer gc' removes what it left");
  }
  return ParseSnapshotStatus(state.status.front().params);
}

}  // namespace veneer::dm
