#include "cow/disk_engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace veneer {
namespace {

std::vector<StoreChunk> StoreChunksOf(std::span<const Exception> exceptions) {
  std::vector<StoreChunk> chunks;
  chunks.reserve(exceptions.size());
  for (const Exception& exception : exceptions) chunks.push_back(exception.store);
  return chunks;
}

}  // namespace

DiskEngine::DiskEngine(std::unique_ptr<File> origin, Bytes size, std::unique_ptr<StoreFile> store,
                       std::span<const Exception> exceptions)
    : origin_(std::move(origin)),
      store_(std::move(store)),
      geometry_(store_->geometry()),
      size_(size),
      index_(geometry_.ChunksFor(size), exceptions),
      reserve_(*store_, StoreChunksOf(exceptions)),
      flusher_(*store_) {}

DiskEngine::Found DiskEngine::FindRun(ByteOffset at, Bytes length) const {
  const OriginChunk first = geometry_.ChunkOf(at);
  const Bytes lead = at - geometry_.OffsetOf(first);
  const MappedRun run = index_.Find(first, geometry_.ChunksFor(lead + length));
  const Bytes run_bytes = geometry_.chunk_size().bytes() * run.count.value() - lead;
  return {run, first, {at, std::min(length, run_bytes)}};
}

ByteOffset DiskEngine::StoreOffset(const Found& found, ByteOffset at) const {
  return geometry_.OffsetOf(*found.run.store) + (at - geometry_.OffsetOf(found.first));
}

Bytes DiskEngine::BytesOnDisk(OriginChunk chunk) const {
  const ByteOffset begin = geometry_.OffsetOf(chunk);
  return std::min(geometry_.chunk_size().bytes(), disk_end() - begin);
}

Result<void> DiskEngine::UpdateStoreSize() {
  VENEER_TRY(store_->Sync());
  return reserve_.UpdateCapacity();
}

// Reading

Result<void> DiskEngine::Read(ByteOffset at, std::span<std::byte> out) const {
  while (!out.empty()) {
    const Found found = FindRun(at, Bytes(out.size()));
    const auto part = out.first(found.piece.length.value());
    if (found.run.store) {
      VENEER_TRY(store_->file().ReadAt(StoreOffset(found, at), part));
    } else {
      VENEER_TRY(origin_->ReadAt(at, part));
    }
    out = out.subspan(part.size());
    at = found.piece.end();
  }
  return {};
}

// Writing

Result<void> DiskEngine::Write(ByteOffset at, std::span<const std::byte> data) {
  while (!data.empty()) {
    const Found found = FindRun(at, Bytes(data.size()));
    Bytes done = found.piece.length;
    if (found.run.store) {
      VENEER_TRY(store_->file().WriteAt(StoreOffset(found, at), data.first(done.value())));
      flusher_.MarkDirty();
    } else {
      done = VENEER_TRY(WriteUnmapped(found, data.first(done.value())));
    }
    data = data.subspan(done.value());
    at += done;
  }
  return {};
}

// Writes the beginning of `data`, which starts at hint.piece.at in chunks that were unmapped a
// moment ago, and returns how much it was: 0 where another thread was faster.
Result<Bytes> DiskEngine::WriteUnmapped(const Found& hint, std::span<const std::byte> data) {
  const RangeLock::Guard guard(first_writes_, hint.first, hint.run.count);
  const Found now = FindRun(hint.piece.at, hint.piece.length);
  if (now.run.store) return Bytes(0);
  const StoreRun fresh = VENEER_TRY(reserve_.Take(now.run.count));
  const ByteOffset fresh_end = geometry_.OffsetOf(now.first + fresh.count);
  const Piece piece{now.piece.at, std::min(now.piece.length, fresh_end - now.piece.at)};
  if (auto filled = FillFresh(piece, now.first, fresh, data); !filled) {
    store_->file()
        .PunchHole(geometry_.OffsetOf(fresh.first),
                   geometry_.chunk_size().bytes() * fresh.count.value())
        .Ignore("the write has failed already; this only gives blocks back");
    reserve_.Return(fresh);
    return Fail(std::move(filled).error());
  }
  Map(now.first, fresh);
  return piece.length;
}

// The flusher first: what others write into the chunks once they find them, and flush, must not
// become durable without the exceptions.
void DiskEngine::Map(OriginChunk first, StoreRun run) {
  flusher_.Add(first, run);
  index_.Insert(first, run.first, run.count);
}

// Gives fresh chunks their first contents: `data` inside `piece`, the origin's around it.
Result<void> DiskEngine::FillFresh(const Piece& piece, OriginChunk first, StoreRun run,
                                   std::span<const std::byte> data) {
  const OriginChunk last = first + run.count - Chunks(1);
  const bool head_partial = piece.at != geometry_.OffsetOf(first);
  const bool tail_partial = piece.end() < geometry_.OffsetOf(last) + BytesOnDisk(last);
  if (head_partial || (first == last && tail_partial)) {
    VENEER_TRY(FillPartialChunk(first, run.first, piece, data));
    if (first == last) return {};
  }
  if (tail_partial) {
    VENEER_TRY(FillPartialChunk(last, run.first + run.count - Chunks(1), piece, data));
  }
  const ByteOffset whole_begin = geometry_.OffsetOf(head_partial ? first + Chunks(1) : first);
  const ByteOffset whole_end = tail_partial ? geometry_.OffsetOf(last) : piece.end();
  if (whole_begin >= whole_end) return {};
  return store_->file().WriteAt(
      geometry_.OffsetOf(run.first) + (whole_begin - geometry_.OffsetOf(first)),
      data.subspan((whole_begin - piece.at).value(), (whole_end - whole_begin).value()));
}

Result<void> DiskEngine::FillPartialChunk(OriginChunk chunk, StoreChunk fresh, const Piece& piece,
                                          std::span<const std::byte> data) {
  const ByteOffset chunk_begin = geometry_.OffsetOf(chunk);
  const ByteOffset chunk_end = chunk_begin + BytesOnDisk(chunk);
  const ByteOffset begin = std::max(piece.at, chunk_begin);
  const ByteOffset end = std::min(piece.end(), chunk_end);
  std::vector<std::byte> buffer((chunk_end - chunk_begin).value());
  const std::span<std::byte> bytes(buffer);
  const std::size_t lead = (begin - chunk_begin).value();
  const std::size_t tail = (end - chunk_begin).value();
  VENEER_TRY(origin_->ReadAt(chunk_begin, bytes.first(lead)));
  VENEER_TRY(origin_->ReadAt(end, bytes.subspan(tail)));
  std::memcpy(&buffer[lead], &data[(begin - piece.at).value()], tail - lead);
  return store_->file().WriteAt(geometry_.OffsetOf(fresh), bytes);
}

}  // namespace veneer
