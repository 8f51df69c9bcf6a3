#include "cow/store_info.h"

#include <algorithm>
#include <optional>

#include "cow/exception_reader.h"

namespace veneer {

StoreFill FillOf(const StoreInfo& info) {
  const Geometry geometry(info.header.chunk_size);
  std::optional<Bytes> disk_size;
  if (info.header.recorded) disk_size = info.header.recorded->disk_size;
  const Bytes chunk = geometry.chunk_size().bytes();
  return {.condition = info.header.activation == Activation::kInvalid
                           ? StoreCondition::kInvalid
                           : ConditionOf(geometry, info.capacity, info.exceptions, disk_size),
          .used = chunk * info.used.value(),
          .capacity = chunk * info.capacity.value()};
}

Result<StoreInfo> ReadStoreInfo(const File& store) {
  StoreInfo info;
  info.header = VENEER_TRY(ReadHeader(store));
  const Geometry geometry(info.header.chunk_size);
  const Bytes chunk = geometry.chunk_size().bytes();
  info.file_size = VENEER_TRY(store.Size());
  info.capacity = geometry.WholeChunks(info.file_size);
  if (info.header.activation == Activation::kNever) return info;

  // The header and the first area are in use from the start.
  StoreChunk last = geometry.AreaChunk(0);
  info.exceptions = VENEER_TRY(
      ForEachException(store, geometry, [&](std::uint64_t /*index*/, const Exception& exception) {
        last = std::max(last, exception.store);
        return Result<void>();
      }));
  const std::uint64_t areas = geometry.AreasFor(info.exceptions);
  info.used = Chunks(std::max(last, geometry.AreaChunk(areas - 1)).value() + 1);
  info.data = chunk * info.exceptions;
  info.metadata = chunk * (1 + areas);
  return info;
}

Result<std::vector<ExceptionRun>> ReadRuns(const File& store) {
  const StoreHeader header = VENEER_TRY(ReadHeader(store));
  std::vector<ExceptionRun> runs;
  if (header.activation == Activation::kNever) return runs;
  const auto read = ForEachException(store, Geometry(header.chunk_size),
                                     [&](std::uint64_t /*index*/, const Exception& exception) {
                                       AppendToRuns(runs, exception);
                                       return Result<void>();
                                     });
  if (!read) return Fail(read.error());
  SortAndJoin(runs);
  return runs;
}

}  // namespace veneer
