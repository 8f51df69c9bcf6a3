#include "cow/create.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cow/grow.h"
#include "format/header.h"
#include "kernel/linux/new_file.h"

namespace veneer {

namespace {

Result<RecordedSizes> SizesOf(const CreateOptions& options) {
  const Bytes origin = options.origin_size;
  const Bytes disk = options.disk_size.value_or(origin);
  if (origin == Bytes(0)) {
    return Fail(ErrorKind::kUsage, "the origin is empty", "name an image that holds a disk");
  }
  if (disk < origin) {
    return Fail(ErrorKind::kUsage,
                fmt::format("a disk of {} bytes is smaller than its origin, which has {}",
                            disk.value(), origin.value()),
                "a disk can be larger than its image, never smaller");
  }
  if (disk > origin && disk % kSectorSize != Bytes(0)) {
    return Fail(ErrorKind::kUsage,
                fmt::format("a disk of {} bytes does not consist of whole sectors", disk.value()),
                fmt::format("use a multiple of {}", kSectorSize.value()));
  }
  return RecordedSizes{.origin_size = origin, .disk_size = disk};
}

struct WrittenStore {
  NewFile file;
  Bytes size;
};

Result<WrittenStore> WriteStore(const std::string& path, const CreateOptions& options) {
  const RecordedSizes sizes = VENEER_TRY(SizesOf(options));
  const Bytes size = VENEER_TRY(StoreSizeFor(Geometry(options.chunk_size), sizes.disk_size,
                                             options.max_change.value_or(kWholeDisk)));

  NewFile store = VENEER_TRY(NewFile::Begin(path, Replace::kNever));
  VENEER_TRY(store.file().Resize(size));
  std::array<std::byte, kHeaderBytes> header{};
  EncodeHeader({Activation::kValid, options.chunk_size, sizes}, header);
  VENEER_TRY(store.file().WriteAt(ByteOffset(0), header));
  return WrittenStore{.file = std::move(store), .size = size};
}

}  // namespace

Result<Bytes> CreateStore(const std::string& path, const CreateOptions& options) {
  WrittenStore store = VENEER_TRY(WriteStore(path, options));
  VENEER_TRY(std::move(store.file).Publish());
  return store.size;
}

Result<UnsyncedFile> CreateUnsyncedStore(const std::string& path, const CreateOptions& options) {
  WrittenStore store = VENEER_TRY(WriteStore(path, options));
  return std::move(store.file).Name();
}

}  // namespace veneer
