#include "cow/cow_disk.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/size_text.h"
#include "cow/disk_engine.h"
#include "cow/disk_size.h"
#include "cow/exception_index.h"
#include "cow/exception_reader.h"
#include "cow/padded_file.h"
#include "cow/verb_counts.h"
#include "cow/write_gate.h"

namespace veneer {

struct CowDisk::Parts {
  Parts(std::unique_ptr<File> origin, Bytes size, std::unique_ptr<StoreFile> store,
        std::span<const Exception> exceptions, DiskAccess disk_access)
      : engine(std::move(origin), size, std::move(store), exceptions), access(disk_access) {}

  [[nodiscard]] Result<void> RequireInside(ByteOffset at, Bytes length) const;
  [[nodiscard]] Result<void> RequireWritable(ByteOffset at, Bytes length) const;

  // One change of the disk, again where writers are held and it met a full file system.
  template <class Act>
  Result<void> Change(Bytes length, const Act& act) {
    for (;;) {
      if (hold != nullptr) hold->WaitForRoom(length);
      Result<void> result = ChangeOnce(act);
      const bool full = !result && result.error().os_errno == ENOSPC;
      if (!full || hold == nullptr || !hold->HoldsNow()) return result;
    }
  }
  // Who is held back outside of the gate is not under way: nobody who closes it waits for him.
  template <class Act>
  Result<void> ChangeOnce(const Act& act) {
    const WriteGate::Pass pass(gate);
    return act();
  }

  DiskEngine engine;
  DiskAccess access;
  WriteGate gate;
  WriteHold* hold = nullptr;
  VerbCounts counts;
};

Result<void> CowDisk::Parts::RequireInside(ByteOffset at, Bytes length) const {
  const Bytes size = engine.size();
  if (at.value() <= size.value() && length.value() <= size.value() - at.value()) return {};
  return Fail(ErrorKind::kUsage,
              fmt::format("{} bytes at {} lie beyond the disk, which has {} bytes", length.value(),
                          at.value(), size.value()));
}

Result<void> CowDisk::Parts::RequireWritable(ByteOffset at, Bytes length) const {
  if (access == DiskAccess::kReadOnly) {
    return Fail(Error{ErrorKind::kUsage, EROFS, "the disk is attached read-only",
                      "attach it without --read-only to write to it"});
  }
  VENEER_TRY(engine.store().RequireSound());
  return RequireInside(at, length);
}

Result<std::unique_ptr<CowDisk>> CowDisk::Open(std::unique_ptr<File> origin,
                                               std::unique_ptr<File> store, DiskAccess access) {
  const Bytes origin_size = VENEER_TRY(origin->Size());
  const StoreHeader header = VENEER_TRY(ReadHeader(*store));
  const Bytes size = VENEER_TRY(DiskSizeOf(header, origin_size));
  if (Geometry(header.chunk_size).ChunksFor(size) > ExceptionIndex::kMostChunks) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("a disk of {} has more than 2^34 chunks of {}", FormatSize(size),
                            FormatSize(header.chunk_size.bytes())),
                "use larger chunks, or attach it with --backend dm");
  }
  if (size > origin_size) {
    origin = std::make_unique<PaddedFile>(std::move(origin), origin_size, size);
  }
  const auto mode =
      access == DiskAccess::kReadOnly ? StoreFile::Mode::kReadOnly : StoreFile::Mode::kReadWrite;
  std::vector<Exception> exceptions;
  bool too_large = false;
  const auto remember = [&](const Exception& exception) {
    too_large = too_large || exception.store >= ExceptionIndex::kStoreEnd;
    exceptions.push_back(exception);
  };
  std::unique_ptr<StoreFile> store_file =
      VENEER_TRY(StoreFile::Open(std::move(store), size, mode, remember));
  if (too_large) {
    return Fail(ErrorKind::kUnsupported, "the store has changed chunks beyond number 2^32",
                "flatten it into a new image, or attach it with --backend dm");
  }
  return std::unique_ptr<CowDisk>(new CowDisk(
      std::make_unique<Parts>(std::move(origin), size, std::move(store_file), exceptions, access)));
}

CowDisk::CowDisk(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
CowDisk::~CowDisk() = default;

Bytes CowDisk::size() const { return parts_->engine.size(); }
Bytes CowDisk::chunk_size() const { return parts_->engine.chunk_size(); }
DiskAccess CowDisk::access() const { return parts_->access; }

Result<void> CowDisk::Read(ByteOffset at, std::span<std::byte> out) {
  auto result = parts_->RequireInside(at, Bytes(out.size()));
  if (result) result = parts_->engine.Read(at, out);
  parts_->counts.Read(Bytes(out.size()), result);
  return result;
}

Result<void> CowDisk::Write(ByteOffset at, std::span<const std::byte> data) {
  auto result = parts_->Change(Bytes(data.size()), [&]() -> Result<void> {
    VENEER_TRY(parts_->RequireWritable(at, Bytes(data.size())));
    return parts_->engine.Write(at, data);
  });
  parts_->counts.Write(Bytes(data.size()), result);
  return result;
}

Result<void> CowDisk::WriteZeroes(ByteOffset at, Bytes length) {
  auto result = parts_->Change(length, [&]() -> Result<void> {
    VENEER_TRY(parts_->RequireWritable(at, length));
    return parts_->engine.WriteZeroes(at, length);
  });
  parts_->counts.Write(Bytes(0), result);
  return result;
}

Result<void> CowDisk::Discard(ByteOffset at, Bytes length) {
  const WriteGate::Pass pass(parts_->gate);
  auto result = parts_->RequireWritable(at, length);
  if (result) result = parts_->engine.Discard(at, length);
  parts_->counts.Write(Bytes(0), result);
  return result;
}

Result<void> CowDisk::Flush() {
  if (parts_->access == DiskAccess::kReadOnly) return {};
  auto result = parts_->engine.Flush();
  parts_->counts.Flush(result);
  return result;
}

Result<std::chrono::nanoseconds> CowDisk::AtCommittedMoment(
    const std::function<Result<void>()>& act) {
  // Most of the work, while writers go on.
  VENEER_TRY(Flush());
  const auto begin = std::chrono::steady_clock::now();
  {
    const WriteGate::Closed closed(parts_->gate);
    VENEER_TRY(Flush());
    const Result<void> done = act();
    parts_->engine.ReserveAgain();
    VENEER_TRY(done);
  }
  return std::chrono::steady_clock::now() - begin;
}

Result<Extent> CowDisk::NextData(ByteOffset from) { return parts_->engine.NextData(from); }

StoreFill CowDisk::Fill() const { return parts_->engine.Fill(); }

Result<void> CowDisk::UpdateStoreSize() { return parts_->engine.UpdateStoreSize(); }

void CowDisk::HoldWritersBy(WriteHold& hold) { parts_->hold = &hold; }

DiskCounters CowDisk::counters() const { return parts_->counts.Sum(); }

}  // namespace veneer
