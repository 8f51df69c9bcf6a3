#include "cow/store_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "cow/disk_size.h"
#include "cow/exception_reader.h"
#include "cow/exception_rules.h"
#include "format/header.h"

namespace veneer {

Error StoreIsFull(const Geometry& geometry, std::uint64_t exceptions) {
  return Error{ErrorKind::kNoSpace, ENOSPC,
               fmt::format("the store is full: it holds {} changed chunks of {} bytes", exceptions,
                           geometry.chunk_size().bytes().value()),
               "make it larger with 'veneer cow grow', or flatten it into a new image"};
}

Result<std::unique_ptr<StoreFile>> StoreFile::Open(
    std::unique_ptr<File> file, Bytes disk_size, Mode mode,
    const std::function<void(const Exception&)>& visit) {
  const StoreHeader header = VENEER_TRY(ReadHeader(*file));
  VENEER_TRY(RequireValid(header));
  VENEER_TRY(RequireDiskSize(header, disk_size));
  const Geometry geometry(header.chunk_size);
  const Chunks capacity = geometry.WholeChunks(VENEER_TRY(file->Size()));
  std::unique_ptr<StoreFile> store(new StoreFile(std::move(file), geometry, capacity));

  if (header.activation == Activation::kNever) {
    if (mode == Mode::kReadWrite) VENEER_TRY(store->Activate(disk_size));
    return store;
  }
  ExceptionRules rules(geometry, capacity, disk_size);
  const auto require = [&](std::uint64_t index, const Exception& exception) -> Result<void> {
    VENEER_TRY(rules.Require(index, exception));
    visit(exception);
    return {};
  };
  store->committed_ = VENEER_TRY(ForEachException(*store->file_, geometry, require));
  if (mode == Mode::kReadWrite) VENEER_TRY(store->ZeroBehindTheList());
  return store;
}

Result<void> StoreFile::Activate(Bytes disk_size) {
  // The list must be empty before there is a header that makes it count.
  VENEER_TRY(Prepare(0));
  VENEER_TRY(file_->Sync());
  std::array<std::byte, kHeaderBytes> header{};
  // A store that says nothing is one for a disk as large as its image.
  const RecordedSizes sizes{.origin_size = disk_size, .disk_size = disk_size};
  EncodeHeader({Activation::kValid, geometry_.chunk_size(), sizes}, header);
  VENEER_TRY(file_->WriteAt(ByteOffset(0), header));
  return file_->Sync();
}

Result<void> StoreFile::UpdateCapacity() {
  const Bytes size = VENEER_TRY(file_->Size());
  capacity_ = std::max(capacity_, geometry_.WholeChunks(size));
  return {};
}

Result<void> StoreFile::ZeroBehindTheList() {
  ForgetPrepared(committed_);
  const std::uint64_t per_area = geometry_.exceptions_per_area();
  const std::uint64_t slot = committed_ % per_area;
  // An area without any entry too: the kernel takes all of the one that it goes on with into its
  // memory, and writes it back.
  const ByteOffset tail =
      geometry_.OffsetOf(geometry_.AreaChunk(prepared_areas_)) + Bytes(slot * kExceptionBytes);
  std::vector<std::byte> bytes((per_area - slot) * kExceptionBytes);
  VENEER_TRY(file_->ReadAt(tail, bytes));
  // Zeros are written rather than punched: the area keeps its blocks.
  if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; })) {
    std::ranges::fill(bytes, std::byte{0});
    VENEER_TRY(file_->WriteAt(tail, bytes));
  }
  return {};
}

void StoreFile::ForgetPrepared(std::uint64_t exceptions) {
  const std::uint64_t per_area = geometry_.exceptions_per_area();
  prepared_areas_ = exceptions / per_area;
  areas_in_use_ = (exceptions + per_area - 1) / per_area;
}

Result<void> StoreFile::Prepare(std::uint64_t exceptions) {
  const std::uint64_t most = geometry_.MaxExceptions(capacity_);
  if (exceptions > most) return Fail(StoreIsFull(geometry_, most));
  const std::uint64_t areas = geometry_.AreasFor(exceptions);
  for (; prepared_areas_ < areas; ++prepared_areas_) {
    const ByteOffset at = geometry_.OffsetOf(geometry_.AreaChunk(prepared_areas_));
    if (prepared_areas_ >= areas_in_use_) {
      VENEER_TRY(file_->PunchHole(at, geometry_.chunk_size().bytes()));
    }
    VENEER_TRY(file_->Allocate(at, geometry_.chunk_size().bytes()));
  }
  return {};
}

Result<void> StoreFile::WriteSlots(std::uint64_t slot, std::span<const Exception> exceptions) {
  if (exceptions.empty()) return {};
  const std::uint64_t per_area = geometry_.exceptions_per_area();
  std::vector<std::byte> bytes(exceptions.size() * kExceptionBytes);
  for (std::size_t i = 0; i < exceptions.size(); ++i) EncodeException(exceptions[i], bytes, i);
  const StoreChunk area = geometry_.AreaChunk(slot / per_area);
  return file_->WriteAt(geometry_.OffsetOf(area) + Bytes(slot % per_area * kExceptionBytes), bytes);
}

Result<void> StoreFile::Commit(std::span<const Exception> exceptions) {
  const std::uint64_t per_area = geometry_.exceptions_per_area();
  const auto room = static_cast<std::size_t>(per_area - committed_ % per_area);
  const auto here = exceptions.first(std::min(room, exceptions.size()));
  auto behind = exceptions.subspan(here.size());
  for (std::uint64_t slot = committed_ + here.size(); !behind.empty();) {
    const auto area = behind.first(std::min<std::size_t>(per_area, behind.size()));
    VENEER_TRY(WriteSlots(slot, area));
    slot += area.size();
    behind = behind.subspan(area.size());
  }
  VENEER_TRY(Sync());
  VENEER_TRY(WriteSlots(committed_, here));
  VENEER_TRY(Sync());
  committed_ += exceptions.size();
  return {};
}

Result<void> StoreFile::RequireSound() const {
  if (!broken_.load(std::memory_order_acquire)) return {};
  return Fail(Error{ErrorKind::kFailed, EIO, "an earlier sync of the store failed",
                    "detach the disk and look at the host's kernel log; what was flushed before "
                    "that is safe"});
}

Result<void> StoreFile::Sync() {
  VENEER_TRY(RequireSound());
  Result<void> synced = file_->Sync();
  if (!synced) broken_.store(true, std::memory_order_release);
  return synced;
}

}  // namespace veneer
