#include "cow/check.h"

#include <fmt/format.h>

#include "cow/disk_size.h"
#include "cow/exception_reader.h"
#include "cow/exception_rules.h"

namespace veneer {

std::string_view RuleName(FaultRule rule) {
  switch (rule) {
    case FaultRule::kHeader:
      return "header";
    case FaultRule::kInvalid:
      return "invalid";
    case FaultRule::kTruncated:
      return "truncated";
    case FaultRule::kOutOfBounds:
      return "out_of_bounds";
    case FaultRule::kMetadataSlot:
      return "metadata_slot";
    case FaultRule::kDuplicateOrigin:
      return "duplicate_origin";
    case FaultRule::kDuplicateStore:
      return "duplicate_store";
    case FaultRule::kOriginSize:
      return "origin_size";
  }
  return "unknown";
}

Result<CheckReport> CheckStore(const File& store, std::optional<Bytes> origin_size,
                               const std::function<void(const Fault&)>& on_fault) {
  CheckReport report;
  const auto fault = [&](FaultRule rule, const Error& error) {
    ++report.faults;
    on_fault(Fault{rule, error.what});
  };

  const auto header = ReadHeader(store);
  if (!header) {
    if (header.error().kind != ErrorKind::kCorrupt) return Fail(header.error());
    fault(FaultRule::kHeader, header.error());
    return report;
  }
  if (const auto valid = RequireValid(*header); !valid) fault(FaultRule::kInvalid, valid.error());
  std::optional<Bytes> disk_size = origin_size;
  if (header->recorded) disk_size = header->recorded->disk_size;
  if (origin_size) {
    const auto fits = DiskSizeOf(*header, *origin_size);
    if (!fits) fault(FaultRule::kOriginSize, fits.error());
  }
  if (header->activation == Activation::kNever) return report;

  const Geometry geometry(header->chunk_size);
  const Chunks capacity = geometry.WholeChunks(VENEER_TRY(store.Size()));
  ExceptionRules rules(geometry, capacity, disk_size);
  const auto count =
      ForEachException(store, geometry, [&](std::uint64_t index, const Exception& exception) {
        ++report.exceptions;
        report.faults += rules.Judge(index, exception, on_fault);
        return Result<void>();
      });
  if (!count) {
    if (count.error().kind != ErrorKind::kCorrupt) return Fail(count.error());
    fault(FaultRule::kTruncated, count.error());
  }
  return report;
}

}  // namespace veneer
