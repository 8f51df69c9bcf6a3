// How an image is flattened (flatten.h), and what came of it.
#pragma once

#include <cstdint>
#include <functional>

#include "base/units.h"
#include "kernel/linux/replace.h"

namespace veneer {

enum class FlattenMethod : std::uint8_t {
  kAuto,     // reflink where the file system can, else copy
  kReflink,  // kUnsupported where it cannot
  kCopy,     // never share blocks with the origin or the store
};

struct FlattenOptions {
  FlattenMethod method = FlattenMethod::kAuto;
  Replace replace = Replace::kNever;
  // Called now and then with (bytes done, bytes in all); may be empty.
  std::function<void(Bytes, Bytes)> progress = {};
};

struct FlattenReport {
  FlattenMethod method = FlattenMethod::kCopy;  // what was done: kReflink or kCopy
  Bytes size;                                   // of the output
  Bytes changed;                                // that came out of the store
  std::uint64_t runs = 0;                       // of changed chunks
};

}  // namespace veneer
