#include "cow/prefetch.h"

#include <fcntl.h>

#include <algorithm>

#include "cow/exception_reader.h"
#include "format/geometry.h"

namespace veneer {
namespace {

// A store with more has changed gigabytes; the rest is read one by one.
constexpr std::uint64_t kMostAreas = 4096;

}  // namespace

void PrefetchExceptions(const LinuxFile& store) {
  const auto header = ReadHeader(store);
  const auto allocated = store.AllocatedBytes();
  if (!header || !allocated) return;
  const Geometry geometry(header->chunk_size);
  const Bytes chunk = geometry.chunk_size().bytes();
  // As many as the blocks in use can hold with their data, and the one that is being filled.
  const std::uint64_t apart = geometry.AreaChunk(1).value() - geometry.AreaChunk(0).value();
  const std::uint64_t areas = allocated->value() / (chunk.value() * apart) + 1;
  for (AreaIndex area = 0; area < std::min(areas, kMostAreas); ++area) {
    const ByteOffset at = geometry.OffsetOf(geometry.AreaChunk(area));
    ::posix_fadvise(store.fd().get(), static_cast<off_t>(at.value()),
                    static_cast<off_t>(chunk.value()), POSIX_FADV_WILLNEED);
  }
}

}  // namespace veneer
