#include "cow/flatten.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "cow/disk_size.h"
#include "cow/exception_reader.h"
#include "cow/exception_rules.h"
#include "cow/exception_run.h"
#include "kernel/linux/new_file.h"
#include "kernel/linux/range_copier.h"

namespace veneer {
namespace {

// Runs that are put into the order of the origin together: 3 MiB of memory.
constexpr std::size_t kBatch = std::size_t{1} << 17U;

class Flattening {
 public:
  Flattening(const LinuxFile& origin, const LinuxFile& store, LinuxFile& output,
             const Geometry& geometry, Bytes disk_size, const FlattenOptions& options)
      : origin_(origin),
        store_(store),
        output_(output),
        geometry_(geometry),
        options_(options),
        copier_(RangeCopier::Sharing::kAllowed) {
    report_.size = disk_size;
  }

  Result<void> CopyBase();
  Result<void> ApplyExceptions(const StoreHeader& header);
  // Whether all of the output is shared blocks.
  [[nodiscard]] bool only_cloned() const { return copier_.copied() == Bytes(0) && !punched_; }
  // What was to do was an estimate; now it is done.
  void Finish() { Advance(expected_ - std::min(done_, expected_)); }
  [[nodiscard]] const FlattenReport& report() const { return report_; }

 private:
  Result<void> CopyDataOf(const LinuxFile& from, ByteOffset from_at, ByteOffset to_at,
                          Bytes length);
  Result<void> ApplyBatch();
  Result<void> ApplyRun(const ExceptionRun& run);
  Result<void> PrefetchAreas(Chunks capacity) const;
  Result<bool> IsData(ByteOffset at, Bytes length);
  void Advance(Bytes bytes);

  const LinuxFile& origin_;
  const LinuxFile& store_;
  LinuxFile& output_;
  Geometry geometry_;
  const FlattenOptions& options_;
  RangeCopier copier_;
  std::vector<ExceptionRun> batch_;
  bool punched_ = false;
  Extent store_data_;  // the last one that was asked for; nobody writes to the store meanwhile
  Bytes expected_;
  Bytes done_;
  FlattenReport report_;
};

void Flattening::Advance(Bytes bytes) {
  done_ += bytes;
  if (options_.progress) options_.progress(std::min(done_, expected_), expected_);
}

Result<void> Flattening::CopyBase() {
  const Bytes base = VENEER_TRY(origin_.AllocatedBytes());
  const Bytes changed = VENEER_TRY(store_.AllocatedBytes());
  expected_ = base + changed;
  if (options_.method != FlattenMethod::kCopy) {
    auto cloned = RangeCopier::CloneWhole(origin_, output_);
    if (cloned) {
      copier_ = RangeCopier(RangeCopier::Sharing::kReflink);
      report_.method = FlattenMethod::kReflink;
      VENEER_TRY(output_.Resize(report_.size));
      Advance(base);
      return {};
    }
    if (options_.method == FlattenMethod::kReflink ||
        cloned.error().kind != ErrorKind::kUnsupported) {
      return cloned;
    }
  } else {
    copier_ = RangeCopier(RangeCopier::Sharing::kNever);
  }
  report_.method = FlattenMethod::kCopy;
  VENEER_TRY(output_.Resize(report_.size));
  const Bytes origin_size = VENEER_TRY(origin_.Size());
  return CopyDataOf(origin_, ByteOffset(0), ByteOffset(0), origin_size);
}

Result<void> Flattening::CopyDataOf(const LinuxFile& from, ByteOffset from_at, ByteOffset to_at,
                                    Bytes length) {
  return copier_.CopyData(from, from_at, output_, to_at, length,
                          [this](Bytes copied) { Advance(copied); });
}

Result<void> Flattening::ApplyExceptions(const StoreHeader& header) {
  if (header.activation == Activation::kNever) return {};
  const Chunks capacity = geometry_.WholeChunks(VENEER_TRY(store_.Size()));
  VENEER_TRY(PrefetchAreas(capacity));
  ExceptionRules rules(geometry_, capacity, report_.size);
  const auto read = ForEachException(
      store_, geometry_, [&](std::uint64_t index, const Exception& exception) -> Result<void> {
        VENEER_TRY(rules.Require(index, exception));
        AppendToRuns(batch_, exception);
        return batch_.size() < kBatch ? Result<void>() : ApplyBatch();
      });
  if (!read) return Fail(read.error());
  return ApplyBatch();
}

// Areas lie far apart: read one by one from a cold disk they would take longer than all else. How
// many are in use is not known yet, but each comes with the blocks of its data.
Result<void> Flattening::PrefetchAreas(Chunks capacity) const {
  const Chunks stride = geometry_.AreaChunk(1) - geometry_.AreaChunk(0);
  const Bytes in_blocks = VENEER_TRY(store_.AllocatedBytes());
  const Chunks filled = std::min(capacity, geometry_.WholeChunks(in_blocks));
  constexpr std::uint64_t kMost = 1U << 16U;
  const AreaIndex areas = std::min(filled / stride + 1, kMost);
  for (AreaIndex area = 0; area < areas; ++area) {
    const Bytes length = std::min(geometry_.chunk_size().bytes(), KiB(16));
    store_.Prefetch(geometry_.OffsetOf(geometry_.AreaChunk(area)), length);
  }
  return {};
}

Result<void> Flattening::ApplyBatch() {
  SortAndJoin(batch_);
  for (const ExceptionRun& run : batch_) VENEER_TRY(ApplyRun(run));
  batch_.clear();
  return {};
}

// Asking the file system where data is costs as much as cloning a run, and many runs lie in one
// extent of the store.
Result<bool> Flattening::IsData(ByteOffset at, Bytes length) {
  const auto holds = [&](const Extent& extent) {
    return extent.begin <= at && extent.end() >= at + length;
  };
  if (!holds(store_data_)) store_data_ = VENEER_TRY(store_.NextData(at));
  return holds(store_data_);
}

Result<void> Flattening::ApplyRun(const ExceptionRun& run) {
  const ByteOffset target = geometry_.OffsetOf(run.origin);
  const ByteOffset source = geometry_.OffsetOf(run.store);
  // The disk's last chunk may be partial.
  const Bytes length = std::min(geometry_.chunk_size().bytes() * run.count.value(),
                                ByteOffset(report_.size.value()) - target);
  ++report_.runs;
  report_.changed += length;
  if (VENEER_TRY(IsData(source, length))) {
    VENEER_TRY(copier_.Copy(store_, source, output_, target, length));
    Advance(length);
    return {};
  }
  // Chunks that were zeroed are holes in the store, and become holes in the output.
  VENEER_TRY(output_.PunchHole(target, length));
  punched_ = true;
  return CopyDataOf(store_, source, target, length);
}

// Before anything is made: an output that is one of the inputs is never to be replaced.
Result<void> RequireOther(const std::string& output, const LinuxFile& input,
                          std::string_view role) {
  const auto existing = LinuxFile::Open(output, Access::kReadOnly);
  if (!existing) return {};
  const FileIdentity input_identity = VENEER_TRY(input.Identity());
  const FileIdentity output_identity = VENEER_TRY((*existing)->Identity());
  if (output_identity != input_identity) return {};
  return Fail(Error{ErrorKind::kConflict, EEXIST,
                    fmt::format("the output {} is the {} itself", output, role),
                    "choose another path for the output"});
}

}  // namespace

Result<FlattenReport> Flatten(const LinuxFile& origin, const LinuxFile& store,
                              const std::string& output, const FlattenOptions& options) {
  VENEER_TRY(RequireOther(output, origin, "origin"));
  VENEER_TRY(RequireOther(output, store, "store"));
  const StoreHeader header = VENEER_TRY(ReadHeader(store));
  VENEER_TRY(RequireValid(header));
  const Bytes origin_size = VENEER_TRY(origin.Size());
  const Bytes size = VENEER_TRY(DiskSizeOf(header, origin_size));

  NewFile file = VENEER_TRY(NewFile::Begin(output, options.replace));
  Flattening flattening(origin, store, file.file(), Geometry(header.chunk_size), size, options);
  VENEER_TRY(flattening.CopyBase());
  VENEER_TRY(flattening.ApplyExceptions(header));
  VENEER_TRY(std::move(file).Publish(flattening.only_cloned() ? NewFile::Contents::kCloned
                                                              : NewFile::Contents::kWritten));
  flattening.Finish();
  return flattening.report();
}

}  // namespace veneer
