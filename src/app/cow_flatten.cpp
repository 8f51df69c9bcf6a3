#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "app/cow_commands.h"
#include "app/output.h"
#include "app/progress_bar.h"
#include "cow/flatten.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

using Clock = std::chrono::steady_clock;

Result<FlattenMethod> MethodNamed(std::string_view name) {
  if (name == "auto") return FlattenMethod::kAuto;
  if (name == "reflink") return FlattenMethod::kReflink;
  if (name == "copy") return FlattenMethod::kCopy;
  return Fail(ErrorKind::kUsage, fmt::format("--method {}: no such method", name),
              "choose auto, reflink or copy");
}

std::string_view NameOf(FlattenMethod method) {
  return method == FlattenMethod::kReflink ? "reflink" : "copy";
}

Result<void> PrintReport(OutputStyle style, const std::string& output, const FlattenReport& report,
                         std::chrono::milliseconds elapsed) {
  if (style == OutputStyle::kJson) {
    nlohmann::ordered_json json;
    json["method"] = NameOf(report.method);
    json["size"] = report.size.value();
    json["changed_bytes"] = report.changed.value();
    json["runs"] = report.runs;
    json["elapsed_ms"] = elapsed.count();
    return PrintJson(json);
  }
  return Print(RenderKeyValues({
      {"image", output},
      {"method", std::string(NameOf(report.method))},
      {"size", RenderSize(report.size)},
      {"changed", fmt::format("{} in {} runs", RenderSize(report.changed), report.runs)},
      {"took", fmt::format("{} ms", elapsed.count())},
  }));
}

}  // namespace

Result<int> CowFlatten(const GlobalOptions& options, const CowFlattenArguments& arguments) {
  const Clock::time_point begin = Clock::now();
  FlattenOptions flatten;
  flatten.method = VENEER_TRY(MethodNamed(arguments.method));
  flatten.replace = arguments.force ? Replace::kExisting : Replace::kNever;
  const auto origin = VENEER_TRY(LinuxFile::Open(arguments.origin, Access::kReadOnly));
  const auto store = VENEER_TRY(LinuxFile::Open(arguments.store, Access::kReadOnly));
  VENEER_TRY(store->TryLock(LinuxFile::Lock::kShared));
  Result<FlattenReport> report;
  {
    ProgressBar bar("flatten", ProgressBar::ModeFor(options));
    flatten.progress = [&bar](Bytes done, Bytes total) { bar.Update(done, total); };
    report = Flatten(*origin, *store, arguments.output, flatten);
  }
  if (!report) return Fail(report.error());
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  VENEER_TRY(PrintReport(options.style, arguments.output, *report, elapsed));
  return 0;
}

}  // namespace veneer
