#include "cow/create.h"

#include <fmt/format.h>

#include <array>

#include "format/header.h"
#include "kernel/linux/new_file.h"

namespace veneer {

Result<Bytes> CreateStore(const std::string& path, const CreateOptions& options) {
  const Geometry geometry(options.chunk_size);
  if (options.origin_size == Bytes(0)) {
    return Fail(ErrorKind::kUsage, "the origin is empty", "name an image that holds a disk");
  }
  const Bytes most = options.max_change.value_or(options.origin_size);
  // Nothing beyond the whole origin can ever change.
  const Chunks changed = geometry.ChunksFor(std::min(most, options.origin_size));
  const Bytes size = VENEER_TRY(geometry.StoreBytesFor(changed));

  NewFile store = VENEER_TRY(NewFile::Begin(path, Replace::kNever));
  VENEER_TRY(store.file().Resize(size));
  std::array<std::byte, kHeaderBytes> header{};
  EncodeHeader({Activation::kValid, options.chunk_size, options.origin_size}, header);
  VENEER_TRY(store.file().WriteAt(ByteOffset(0), header));
  VENEER_TRY(std::move(store).Publish());
  return size;
}

}  // namespace veneer
