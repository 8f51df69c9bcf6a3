#include "app/cow_commands.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/output.h"
#include "base/size_text.h"
#include "cow/check.h"
#include "cow/create.h"
#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

constexpr std::uint64_t kStoreVersion = 1;  // the only one there is
constexpr std::size_t kFaultsKept = 1000;   // of a hostile store; the rest are counted
constexpr std::size_t kPrintBatch = std::size_t{64} << 10U;

// In error messages: which file a library's error, that knows only bytes, is about.
std::unexpected<Error> FailIn(const std::string& path, Error error) {
  if (error.what.contains(path)) return Fail(std::move(error));
  return Fail(InContext(std::move(error), path));
}

std::string_view StateOf(const StoreHeader& header) {
  switch (header.activation) {
    case Activation::kNever:
      return "new (nothing was written yet)";
    case Activation::kValid:
      return "valid";
    case Activation::kInvalid:
      return "INVALID: the kernel gave it up, what it held is lost";
  }
  return "unknown";
}

nlohmann::ordered_json InfoJson(const StoreInfo& info, Bytes allocated) {
  nlohmann::ordered_json json;
  json["valid"] = info.header.activation != Activation::kInvalid;
  json["version"] = kStoreVersion;
  json["chunk_size"] = info.header.chunk_size.bytes().value();
  json["exceptions"] = info.exceptions;
  json["data_bytes"] = info.data.value();
  json["metadata_bytes"] = info.metadata.value();
  json["file_size"] = info.file_size.value();
  json["allocated_bytes"] = allocated.value();
  json["capacity_chunks"] = info.capacity.value();
  json["fill"] = FillOf(info).fill();
  json["origin_size"] = nullptr;
  json["disk_size"] = nullptr;
  if (const auto& recorded = info.header.recorded) {
    json["origin_size"] = recorded->origin_size.value();
    json["disk_size"] = recorded->disk_size.value();
  }
  return json;
}

std::string RenderRecorded(const std::optional<RecordedSizes>& recorded,
                           Bytes RecordedSizes::* size) {
  return recorded ? RenderSize(*recorded.*size) : "not recorded";
}

std::string InfoText(const std::string& path, const StoreInfo& info, Bytes allocated) {
  const StoreHeader& header = info.header;
  return RenderKeyValues({
      {"store", path},
      {"state", std::string(StateOf(header))},
      {"version", fmt::format("{}", kStoreVersion)},
      {"chunk size", RenderSize(header.chunk_size.bytes())},
      {"origin size", RenderRecorded(header.recorded, &RecordedSizes::origin_size)},
      {"disk size", RenderRecorded(header.recorded, &RecordedSizes::disk_size)},
      {"exceptions", fmt::format("{}", info.exceptions)},
      {"data", RenderSize(info.data)},
      {"metadata", RenderSize(info.metadata)},
      {"file size", RenderSize(info.file_size)},
      {"on disk", RenderSize(allocated)},
      {"capacity", fmt::format("{} chunks", info.capacity.value())},
      {"fill", fmt::format("{:.1f} %", FillOf(info).fill() * 100)},
  });
}

// Collects a long output and passes it on in batches.
class BatchPrinter {
 public:
  template <class... Args>
  Result<void> Add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    return text_.size() < kPrintBatch ? Result<void>() : Flush();
  }
  Result<void> Flush() {
    VENEER_TRY(Print(text_));
    text_.clear();
    return {};
  }

 private:
  std::string text_;
};

Result<void> PrintRunsAsText(const std::vector<ExceptionRun>& runs) {
  BatchPrinter printer;
  for (const ExceptionRun& run : runs) {
    VENEER_TRY(printer.Add("{} {} {}\n", run.origin.value(), run.store.value(), run.count.value()));
  }
  return printer.Flush();
}

// By hand: a store may have millions of runs, and a tree of them would take gigabytes.
Result<void> PrintRunsAsJson(const std::vector<ExceptionRun>& runs) {
  BatchPrinter printer;
  VENEER_TRY(printer.Add("["));
  std::string_view comma;
  for (const ExceptionRun& run : runs) {
    VENEER_TRY(printer.Add("{}{{\"origin_chunk\":{},\"store_chunk\":{},\"count\":{}}}", comma,
                           run.origin.value(), run.store.value(), run.count.value()));
    comma = ",";
  }
  VENEER_TRY(printer.Add("]\n"));
  return printer.Flush();
}

Result<std::optional<Bytes>> SizeOfOptional(const std::optional<std::string>& path) {
  if (!path) return std::nullopt;
  const auto file = VENEER_TRY(LinuxFile::Open(*path, Access::kReadOnly));
  return VENEER_TRY(file->Size());
}

std::string CheckSummary(const CheckReport& report) {
  if (report.faults == 0) return fmt::format("ok: {} exceptions, no fault\n", report.exceptions);
  return fmt::format("{} {} in {} exceptions\n", report.faults,
                     report.faults == 1 ? "fault" : "faults", report.exceptions);
}

// Keeps the first failure of a stream of prints.
void PrintFault(const Fault& fault, Result<void>& printed) {
  if (!printed) return;
  printed = Print(OneLine(fmt::format("{}: {}", RuleName(fault.rule), fault.message)) + "\n");
}

}  // namespace

Result<int> CowCreate(const GlobalOptions& options, const CowCreateArguments& arguments) {
  const auto chunk_bytes = VENEER_TRY(ParseSize(arguments.chunk_size));
  CreateOptions create;
  create.chunk_size = VENEER_TRY(ChunkSize::FromBytes(chunk_bytes));
  if (arguments.size) create.disk_size = VENEER_TRY(ParseSize(*arguments.size));
  if (arguments.max_change) create.max_change = VENEER_TRY(ParseSize(*arguments.max_change));
  const auto origin = VENEER_TRY(LinuxFile::Open(arguments.origin, Access::kReadOnly));
  create.origin_size = VENEER_TRY(origin->Size());
  const Bytes size = VENEER_TRY(CreateStore(arguments.store, create));
  const Bytes disk_size = create.disk_size.value_or(create.origin_size);
  const Chunks capacity = Geometry(create.chunk_size).WholeChunks(size);
  if (options.style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = arguments.store;
    json["file_size"] = size.value();
    json["chunk_size"] = create.chunk_size.bytes().value();
    json["origin_size"] = create.origin_size.value();
    json["disk_size"] = disk_size.value();
    json["capacity_chunks"] = capacity.value();
    VENEER_TRY(PrintJson(json));
    return 0;
  }
  VENEER_TRY(Print(RenderKeyValues({
      {"store", arguments.store},
      {"file size", RenderSize(size) + ", sparse"},
      {"chunk size", RenderSize(create.chunk_size.bytes())},
      {"origin size", RenderSize(create.origin_size)},
      {"disk size", RenderSize(disk_size)},
      {"capacity", fmt::format("{} chunks", capacity.value())},
  })));
  return 0;
}

Result<int> CowInfo(const GlobalOptions& options, const std::string& store) {
  const auto file = VENEER_TRY(LinuxFile::Open(store, Access::kReadOnly));
  const auto info = ReadStoreInfo(*file);
  if (!info) return FailIn(store, info.error());
  const Bytes allocated = VENEER_TRY(file->AllocatedBytes());
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson(InfoJson(*info, allocated)));
  } else {
    VENEER_TRY(Print(InfoText(store, *info, allocated)));
  }
  return 0;
}

Result<int> CowList(const GlobalOptions& options, const std::string& store) {
  const auto file = VENEER_TRY(LinuxFile::Open(store, Access::kReadOnly));
  const auto runs = ReadRuns(*file);
  if (!runs) return FailIn(store, runs.error());
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintRunsAsJson(*runs));
  } else {
    VENEER_TRY(PrintRunsAsText(*runs));
  }
  return 0;
}

Result<int> CowCheck(const GlobalOptions& options, const CowCheckArguments& arguments) {
  const auto file = VENEER_TRY(LinuxFile::Open(arguments.store, Access::kReadOnly));
  const auto origin_size = VENEER_TRY(SizeOfOptional(arguments.origin));
  VENEER_TRY(file->TryLock(LinuxFile::Lock::kShared));
  const bool as_json = options.style == OutputStyle::kJson;
  nlohmann::ordered_json faults = nlohmann::ordered_json::array();
  Result<void> printed;
  const auto report = CheckStore(*file, origin_size, [&](const Fault& fault) {
    if (!as_json) return PrintFault(fault, printed);
    if (faults.size() == kFaultsKept) return;
    faults.push_back({{"rule", RuleName(fault.rule)}, {"message", fault.message}});
  });
  if (!report) return FailIn(arguments.store, report.error());
  if (!printed) return Fail(printed.error());
  if (as_json) {
    nlohmann::ordered_json json;
    json["ok"] = report->faults == 0;
    json["exceptions"] = report->exceptions;
    json["faults"] = std::move(faults);
    json["fault_count"] = report->faults;
    VENEER_TRY(PrintJson(json));
  } else {
    VENEER_TRY(Print(CheckSummary(*report)));
  }
  return report->faults == 0 ? 0 : ExitStatus(ErrorKind::kCorrupt);
}

}  // namespace veneer
