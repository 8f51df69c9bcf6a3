#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "app/backends.h"
#include "app/cow_commands.h"
#include "app/output.h"
#include "base/size_text.h"
#include "cow/grow.h"
#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

Result<StoreFill> FillOfFile(const std::string& path) {
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadOnly));
  const StoreInfo info = VENEER_TRY(ReadStoreInfo(*file));
  return FillOf(info);
}

Result<StoreFill> GrowFile(const std::string& path, Bytes max_change) {
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadWrite));
  Result<StoreFill> grown = GrowStore(*file, max_change);
  if (!grown && grown.error().kind == ErrorKind::kConflict) {
    Error error = std::move(grown).error();
    error.hint = "it is attached: name the path that attach printed instead of the store";
    return Fail(std::move(error));
  }
  return grown;
}

using DiskVerb = std::function<Result<StoreFill>(DiskBackend&)>;
using FileVerb = std::function<Result<StoreFill>()>;

// What is no attached disk is taken for a store.
Result<StoreFill> OfDiskOrFile(const GlobalOptions& options, const std::string& path,
                               const DiskVerb& of_disk, const FileVerb& of_file) {
  const auto backend = VENEER_TRY(BackendOf(options, path));
  Result<StoreFill> fill = of_disk(*backend);
  if (fill || fill.error().kind != ErrorKind::kNotFound) return fill;
  fill = of_file();
  if (fill || fill.error().what.contains(path)) return fill;
  return Fail(InContext(std::move(fill).error(), path));
}

// What is to be done about a store that takes no writes.
std::string AdviceFor(StoreCondition condition) {
  switch (condition) {
    case StoreCondition::kGood:
      return "";
    case StoreCondition::kOverflow:
      return "'veneer cow grow' makes room; a device of the kernel's takes it at its next attach";
    case StoreCondition::kInvalid:
      return "what was flushed before may be saved: detach it, and run 'veneer cow check'";
  }
  return "";
}

Result<void> PrintFill(OutputStyle style, const std::string& path, const StoreFill& fill) {
  if (style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["path"] = path;
    json["condition"] = ConditionName(fill.condition);
    json["used_bytes"] = fill.used.value();
    json["capacity_bytes"] = fill.capacity.value();
    json["fill"] = fill.fill();
    return PrintJson(json);
  }
  KeyValues pairs{{"path", path},
                  {"condition", std::string(ConditionName(fill.condition))},
                  {"used", RenderSize(fill.used)},
                  {"capacity", RenderSize(fill.capacity)},
                  {"fill", fmt::format("{:.1f} %", fill.fill() * 100)}};
  const std::string advice = AdviceFor(fill.condition);
  if (!advice.empty()) pairs.emplace_back("to do", advice);
  return Print(RenderKeyValues(pairs));
}

}  // namespace

Result<int> CowFill(const GlobalOptions& options, const std::string& path) {
  const StoreFill fill = VENEER_TRY(OfDiskOrFile(
      options, path, [&](DiskBackend& backend) { return backend.Fill(path); },
      [&] { return FillOfFile(path); }));
  VENEER_TRY(PrintFill(options.style, path, fill));
  return 0;
}

Result<int> CowGrow(const GlobalOptions& options, const CowGrowArguments& arguments) {
  Bytes max_change = kWholeDisk;
  if (arguments.max_change) max_change = VENEER_TRY(ParseSize(*arguments.max_change));
  const std::string& path = arguments.path;
  const StoreFill fill = VENEER_TRY(OfDiskOrFile(
      options, path, [&](DiskBackend& backend) { return backend.Grow(path, max_change); },
      [&] { return GrowFile(path, max_change); }));
  VENEER_TRY(PrintFill(options.style, path, fill));
  return 0;
}

}  // namespace veneer
