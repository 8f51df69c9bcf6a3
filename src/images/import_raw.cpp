#include <algorithm>
#include <span>
#include <vector>

#include "base/zeros.h"
#include "images/import_steps.h"
#include "kernel/linux/range_copier.h"

namespace veneer {
namespace {

constexpr Bytes kRead = MiB(1);
constexpr std::size_t kGrain = std::size_t{64} << 10U;  // of holes

// Writes what is not zeros; the output is a hole there.
Result<void> WriteData(LinuxFile& output, ByteOffset at, std::span<const std::byte> part) {
  while (!part.empty()) {
    std::size_t length = std::min(part.size(), kGrain);
    if (!AreZeros(part.first(length))) {
      while (length < part.size() &&
             !AreZeros(part.subspan(length, std::min(part.size() - length, kGrain)))) {
        length = std::min(part.size(), length + kGrain);
      }
      VENEER_TRY(output.WriteAt(at, part.first(length)));
    }
    part = part.subspan(length);
    at += Bytes(length);
  }
  return {};
}

// What comes from elsewhere has often lost its holes on the way; it gets them back here.
Result<void> CopyWithoutZeros(const ImportJob& job, Bytes size) {
  const ByteOffset end(size.value());
  std::vector<std::byte> buffer(kRead.value());
  VENEER_TRY(job.output.Resize(size));
  for (ByteOffset at; at < end;) {
    const Extent data = VENEER_TRY(job.source.NextData(at));
    if (data.length == Bytes(0) || data.begin >= end) break;
    const Bytes step = std::min(std::min(data.end(), end) - data.begin, kRead);
    const auto part = std::span(buffer).first(step.value());
    VENEER_TRY(job.source.ReadAt(data.begin, part));
    VENEER_TRY(WriteData(job.output, data.begin, part));
    at = data.begin + step;
    job.Report(at - ByteOffset(0), size);
  }
  return {};
}

}  // namespace

Result<ImportReport> ImportRaw(const ImportJob& job) {
  ImportReport report{.format = ImageFormat::kRaw,
                      .method = CloneMethod::kReflink,
                      .size = VENEER_TRY(job.source.Size())};
  VENEER_TRY(job.RequireAllowed(report.size));
  const auto cloned = RangeCopier::CloneWhole(job.source, job.output);
  if (!cloned) {
    if (cloned.error().kind != ErrorKind::kUnsupported) return Fail(cloned.error());
    report.method = CloneMethod::kCopy;
    // A block device takes none: all of it may be data.
    const Bytes blocks = VENEER_TRY(job.source.AllocatedBytes());
    const Bytes needed = blocks == Bytes(0) ? report.size : std::min(blocks, report.size);
    VENEER_TRY(job.RequireRoomFor(needed));
    VENEER_TRY(CopyWithoutZeros(job, report.size));
  }
  job.Report(report.size, report.size);
  return report;
}

}  // namespace veneer
