// The verbs of DiskEngine that move no data: zeroes, discards, and the search for data.
#include <algorithm>
#include <utility>
#include <vector>

#include "cow/disk_engine.h"

namespace veneer {

Result<void> DiskEngine::WriteZeroes(ByteOffset at, Bytes length) {
  while (length > Bytes(0)) {
    const Found found = FindRun(at, length);
    Bytes done = found.piece.length;
    if (found.run.store) {
      VENEER_TRY(store_->file().PunchHole(StoreOffset(found, at), done));
      flusher_.MarkDirty();
    } else {
      done = VENEER_TRY(ZeroUnmapped(found));
    }
    at += done;
    length -= done;
  }
  return {};
}

// Zeroes the beginning of a piece whose chunks were unmapped a moment ago, and returns how much it
// was: 0 where another thread was faster. Where the origin has a hole there is nothing to do.
Result<Bytes> DiskEngine::ZeroUnmapped(const Found& hint) {
  const Piece& piece = hint.piece;
  const Extent data = VENEER_TRY(origin_->NextData(piece.at));
  const ByteOffset hole_end =
      data.length == Bytes(0) ? piece.end() : std::min(piece.end(), data.begin);
  if (hole_end == piece.end()) return piece.length;
  const ByteOffset data_chunk = geometry_.OffsetOf(geometry_.ChunkOf(hole_end));
  if (data_chunk > piece.at) return data_chunk - piece.at;

  const ByteOffset chunk_begin = geometry_.OffsetOf(hint.first);
  const ByteOffset chunk_end = chunk_begin + BytesOnDisk(hint.first);
  if (piece.at != chunk_begin || piece.end() < chunk_end) {
    const std::vector<std::byte> zeros((std::min(piece.end(), chunk_end) - piece.at).value());
    VENEER_TRY(Write(piece.at, zeros));
    return Bytes(zeros.size());
  }
  const Chunks whole = piece.end() == disk_end() ? geometry_.ChunksFor(piece.length)
                                                 : geometry_.WholeChunks(piece.length);
  const Chunks with_data = geometry_.ChunksFor(std::min(piece.end(), data.end()) - piece.at);
  const Bytes zeroed = VENEER_TRY(ZeroWholeChunks(hint.first, std::min(whole, with_data)));
  return std::min(zeroed, piece.length);
}

// Maps chunks to fresh ones that are holes; as many as lie side by side.
Result<Bytes> DiskEngine::ZeroWholeChunks(OriginChunk first, Chunks count) {
  const RangeLock::Guard guard(first_writes_, first, count);
  const MappedRun now = index_.Find(first, count);
  if (now.store) return Bytes(0);
  const StoreRun fresh = VENEER_TRY(reserve_.Take(now.count));
  const Bytes bytes = chunk_size() * fresh.count.value();
  if (auto zeroed = store_->file().PunchHole(geometry_.OffsetOf(fresh.first), bytes); !zeroed) {
    reserve_.Return(fresh);
    return Fail(std::move(zeroed).error());
  }
  Map(first, fresh);
  return bytes;
}

Result<void> DiskEngine::Discard(ByteOffset at, Bytes length) {
  const Bytes chunk = geometry_.chunk_size().bytes();
  const ByteOffset end = at + length;
  while (at < end) {
    const Found found = FindRun(at, end - at);
    if (found.run.store) {
      // Whole chunks only; what the disk has of its last chunk is the whole of it.
      const OriginChunk first =
          at == geometry_.OffsetOf(found.first) ? found.first : found.first + Chunks(1);
      const OriginChunk stop = found.piece.end() == disk_end()
                                   ? found.first + found.run.count
                                   : geometry_.ChunkOf(found.piece.end());
      if (first < stop) {
        const StoreChunk store_first = *found.run.store + (first - found.first);
        VENEER_TRY(store_->file().PunchHole(geometry_.OffsetOf(store_first),
                                            chunk * (stop - first).value()));
        flusher_.MarkDirty();
      }
    }
    at = found.piece.end();
  }
  return {};
}

Result<Extent> DiskEngine::NextData(ByteOffset from) const {
  for (ByteOffset at = from; at < disk_end();) {
    const Found found = FindRun(at, disk_end() - at);
    const ByteOffset end = found.piece.end();
    // The run in its own file: the store, or the origin at the same place.
    const ByteOffset begin_there = found.run.store ? StoreOffset(found, at) : at;
    const File& file = found.run.store ? store_->file() : *origin_;
    const Extent data = VENEER_TRY(file.NextData(begin_there));
    const ByteOffset end_there = begin_there + (end - at);
    if (data.length > Bytes(0) && data.begin < end_there) {
      const ByteOffset begin = at + (data.begin - begin_there);
      return Extent{begin, std::min(data.end(), end_there) - data.begin};
    }
    at = end;
  }
  return Extent{disk_end(), Bytes(0)};
}

}  // namespace veneer
