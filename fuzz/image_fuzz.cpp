// What strangers' images say of themselves: each decoder takes any bytes, and what it lets pass
// keeps its promises.
//
// The first byte of the input picks the decoder.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "images/image_format.h"
#include "images/qcow2_facts.h"
#include "images/space.h"
#include "images/tar_listing.h"

namespace veneer {
namespace {

constexpr Qcow2Facts kFacts{.size = MiB(1), .cluster = KiB(64)};

void Require(bool condition) {
  if (!condition) std::abort();
}

void Format(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), kFormatHead.value()));
  const auto format = DetectFormat(head, Bytes(bytes.size()));
  const bool raw = format && format->format == ImageFormat::kRaw;
  Require(!raw || (!bytes.empty() && bytes.size() % kSectorSize.value() == 0));
}

void Qcow2Header(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  const auto facts = JudgeQcow2Header(bytes);
  if (!facts) return;
  Require(facts->size > Bytes(0) && facts->size % kSectorSize == Bytes(0));
  Require(facts->cluster >= Bytes(512) && facts->cluster <= MiB(2));
  // No name of another file.
  Require(std::ranges::all_of(bytes.subspan(8, 8), [](std::byte b) { return b == std::byte{}; }));
}

void Qcow2Info(std::string_view text) {
  JudgeQcow2Info(text, kFacts).Ignore("an error is an answer");
}

void Qcow2Check(std::string_view text) {
  const auto data = JudgeQcow2Check(text, kFacts);
  Require(!data || *data <= kFacts.size);
}

void Listing(std::string_view text) {
  constexpr Bytes kLargest = GiB(1);
  TarListing whole(kLargest);
  const auto added = whole.Add(text);
  Require(whole.bytes() <= kLargest);
  // In two pieces it says the same.
  TarListing pieces(kLargest);
  const std::size_t half = text.size() / 2;
  const bool first = pieces.Add(text.substr(0, half)).has_value();
  Require((first && pieces.Add(text.substr(half)).has_value()) == added.has_value());
  if (added) Require(pieces.bytes() == whole.bytes() && pieces.members() == whole.members());
}

void Reserve(std::string_view text) {
  const auto reserve = ParseSpaceReserve(text);
  Require(!reserve || reserve->percent < 100);
}

}  // namespace
}  // namespace veneer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array kDecoders{veneer::Format,     veneer::Qcow2Header, veneer::Qcow2Info,
                                 veneer::Qcow2Check, veneer::Listing,     veneer::Reserve};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  kDecoders.at(data[0] % kDecoders.size())(text);
  return 0;
}
