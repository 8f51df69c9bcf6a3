// Check: every structural rule of a store, each fault named.
//
// Reads metadata only: memory and time follow the number of exceptions, not the data.
// A store passes exactly when the kernel and the engine would load it and every exception has a
// chunk of its own inside the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "kernel/file.h"

namespace veneer {

enum class FaultRule : std::uint8_t {
  kHeader,           // no magic, another version, an impossible chunk size
  kInvalid,          // the kernel marked it invalid
  kTruncated,        // the file ends before something the metadata names
  kOutOfBounds,      // an exception points outside the store or the disk
  kMetadataSlot,     // an exception points at the header or an area
  kDuplicateOrigin,  // two exceptions for one origin chunk
  kDuplicateStore,   // two exceptions share one store chunk
  kOriginSize,       // the origin's size is not the recorded one
};

// Stable lower-case name, used in JSON: "duplicate_origin".
std::string_view RuleName(FaultRule rule);

struct Fault {
  FaultRule rule;
  std::string message;  // one line that names the exception and its place
};

struct CheckReport {
  std::uint64_t faults = 0;
  std::uint64_t exceptions = 0;
};

// Calls `on_fault` for each fault, in the order of the file. `origin_size`: of the image, where the
// caller has it. The Result fails only where reading does (an I/O error).
Result<CheckReport> CheckStore(const File& store, std::optional<Bytes> origin_size,
                               const std::function<void(const Fault&)>& on_fault);

}  // namespace veneer
