#include "images/qcow2_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace veneer {
namespace {

using nlohmann::json;

constexpr std::uint64_t kCorruptBit = 1U << 1U;
constexpr std::uint64_t kDataFileBit = 1U << 2U;
constexpr std::uint64_t kKnownBits = 0x1f;
constexpr std::uint32_t kFewestClusterBits = 9;
constexpr std::uint32_t kMostClusterBits = 21;
constexpr Bytes kVersion2Header{72};

template <class T>
T LoadBigEndian(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  for (const std::byte byte : bytes.subspan(at, sizeof(T))) {
    value = static_cast<T>((value << 8U) | std::to_integer<T>(byte));
  }
  return value;
}

std::unexpected<Error> NotAlone(std::string_view needs) {
  return Fail(
      ErrorKind::kUsage, fmt::format("the qcow2 image needs {}", needs),
      "make one file of it where you trust it: qemu-img convert -O qcow2 IMAGE WHOLE.qcow2");
}

std::unexpected<Error> Damaged(std::string_view why) {
  return Fail(ErrorKind::kCorrupt, fmt::format("the qcow2 image is damaged: {}", why),
              "restore it from a copy, or look at it with qemu-img check");
}

Result<void> JudgeFeatures(std::uint64_t incompatible) {
  if ((incompatible & kDataFileBit) != 0) return NotAlone("a data file");
  if ((incompatible & kCorruptBit) != 0) return Damaged("QEMU has marked it");
  if ((incompatible & ~kKnownBits) != 0) {
    return Fail(ErrorKind::kUnsupported, "the qcow2 image has features that are not known here",
                "convert it with the QEMU that made it: qemu-img convert -O raw IMAGE IMAGE.raw");
  }
  return {};
}

json Parse(std::string_view text) { return json::parse(text, nullptr, false); }

}  // namespace

Result<Qcow2Facts> JudgeQcow2Header(std::span<const std::byte> head) {
  if (head.size() < kVersion2Header.value()) return Damaged("it ends within its header");
  const auto version = LoadBigEndian<std::uint32_t>(head, 4);
  if (version != 2 && version != 3) {
    return Fail(ErrorKind::kUnsupported, fmt::format("version {} of qcow2 is not known", version),
                "convert it: qemu-img convert -O raw IMAGE IMAGE.raw");
  }
  if (LoadBigEndian<std::uint64_t>(head, 8) != 0 || LoadBigEndian<std::uint32_t>(head, 16) != 0) {
    return NotAlone("a backing file");
  }
  if (LoadBigEndian<std::uint32_t>(head, 32) != 0) return NotAlone("a key: it is encrypted");
  if (version == 3) {
    if (head.size() < kQcow2Head.value()) return Damaged("it ends within its header");
    VENEER_TRY(JudgeFeatures(LoadBigEndian<std::uint64_t>(head, 72)));
  }
  const auto bits = LoadBigEndian<std::uint32_t>(head, 20);
  if (bits < kFewestClusterBits || bits > kMostClusterBits) {
    return Damaged("its cluster size is none");
  }
  const Bytes size(LoadBigEndian<std::uint64_t>(head, 24));
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  if (size == Bytes(0) || size.value() > kLargest || size % kSectorSize != Bytes(0)) {
    return Damaged(fmt::format("{} bytes are no size of a disk", size.value()));
  }
  return Qcow2Facts{.size = size, .cluster = Bytes(std::uint64_t{1} << bits)};
}

Result<void> JudgeQcow2Info(std::string_view json_text, const Qcow2Facts& facts) {
  const json info = Parse(json_text);
  if (!info.is_object()) return Fail(ErrorKind::kFailed, "qemu-img info cannot be understood");
  const json none;
  const auto member = [&](const json& of, const char* name) -> const json& {
    if (!of.is_object()) return none;
    const auto found = of.find(name);
    return found == of.end() ? none : *found;
  };
  if (member(info, "format") != "qcow2") return Damaged("QEMU sees another format");
  if (info.contains("backing-filename") || info.contains("full-backing-filename")) {
    return NotAlone("a backing file");
  }
  const json& data = member(member(info, "format-specific"), "data");
  if (data.is_object() && data.contains("data-file")) return NotAlone("a data file");
  if (member(info, "encrypted") == true) return NotAlone("a key: it is encrypted");
  if (member(data, "corrupt") == true) return Damaged("QEMU has marked it");
  if (member(info, "virtual-size") != facts.size.value()) return Damaged("QEMU sees another size");
  return {};
}

Result<Bytes> JudgeQcow2Check(std::string_view json_text, const Qcow2Facts& facts) {
  const json found = Parse(json_text);
  if (!found.is_object()) return Fail(ErrorKind::kFailed, "qemu-img check cannot be understood");
  for (const char* fault : {"corruptions", "check-errors"}) {
    const auto count = found.find(fault);
    if (count == found.end() || *count == 0U) continue;
    return Damaged(fmt::format("qemu-img check finds {} faults", count->dump()));
  }
  const auto clusters = found.find("allocated-clusters");
  if (clusters == found.end() || !clusters->is_number_unsigned()) return facts.size;
  const std::uint64_t most = facts.size.value() / facts.cluster.value() + 1;
  return std::min(facts.size, facts.cluster * std::min(clusters->get<std::uint64_t>(), most));
}

}  // namespace veneer
