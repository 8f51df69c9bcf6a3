#include "cow/kernel_activation.h"

#include <array>
#include <cstddef>

namespace veneer {
namespace {

Result<void> WriteHeader(File& store, const StoreHeader& header) {
  std::array<std::byte, kHeaderBytes> bytes{};
  EncodeHeader(header, bytes);
  return store.WriteAt(ByteOffset(0), bytes);
}

}  // namespace

Result<void> LeaveToKernel(File& store, const StoreHeader& header) {
  return WriteHeader(store, {Activation::kNever, header.chunk_size, header.recorded});
}

Result<void> RestoreRecord(File& store, const StoreHeader& header) {
  return WriteHeader(store, header);
}

}  // namespace veneer
