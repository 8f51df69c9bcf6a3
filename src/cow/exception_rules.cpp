#include "cow/exception_rules.h"

#include <fmt/format.h>

#include <limits>
#include <string>
#include <utility>

namespace veneer {
namespace {

constexpr std::string_view kDamaged = "the store is damaged: restore it from a copy";

}  // namespace

Chunks ExceptionRules::DiskChunks(std::optional<Bytes> disk_size) const {
  // Without a disk at hand: whatever a disk can have.
  return geometry_.ChunksFor(disk_size.value_or(Bytes(std::numeric_limits<std::int64_t>::max())));
}

unsigned ExceptionRules::Judge(std::uint64_t index, const Exception& exception,
                               const FaultSink& report) {
  unsigned faults = 0;
  const auto fault = [&](FaultRule rule, const std::string& problem) {
    ++faults;
    report(Fault{rule, fmt::format("exception {} (origin chunk {} -> store chunk {}) {}", index,
                                   exception.origin.value(), exception.store.value(), problem)});
  };
  if (exception.origin.value() >= disk_chunks_.value()) {
    fault(FaultRule::kOutOfBounds,
          fmt::format("lies beyond the disk, which has {} chunks", disk_chunks_.value()));
  } else if (!origins_.Insert(exception.origin.value())) {
    fault(FaultRule::kDuplicateOrigin, "remaps an origin chunk that has an exception already");
  }
  if (exception.store.value() >= capacity_.value()) {
    fault(FaultRule::kTruncated,
          fmt::format("points beyond the file, which has {} chunks", capacity_.value()));
  } else if (geometry_.IsMetadata(exception.store)) {
    fault(FaultRule::kMetadataSlot, "points at the store's own metadata");
  } else if (!stores_.Insert(exception.store.value())) {
    fault(FaultRule::kDuplicateStore, "points at a store chunk that another exception has");
  }
  return faults;
}

Result<void> ExceptionRules::Require(std::uint64_t index, const Exception& exception) {
  std::string first;
  const unsigned faults = Judge(index, exception, [&](const Fault& fault) {
    if (first.empty()) first = fault.message;
  });
  if (faults == 0) return {};
  return Fail(ErrorKind::kCorrupt, std::move(first),
              "'veneer cow check' lists every fault; it may belong to another origin");
}

Result<void> RequireValid(const StoreHeader& header) {
  if (header.activation != Activation::kInvalid) return {};
  return Fail(ErrorKind::kCorrupt,
              "the kernel marked this store invalid (it overflowed or met an I/O error)",
              std::string(kDamaged));
}

}  // namespace veneer
