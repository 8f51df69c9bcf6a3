#include "sandboxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/ids.h"
#include "cow/clone.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/layout.h"

namespace veneer::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

Timestamp Now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

Result<TemplateRecord> AnyTemplate(const Catalog& catalog) {
  const auto templates = VENEER_TRY(catalog.Templates());
  if (!templates.empty()) return templates.front();
  return Fail(ErrorKind::kNotFound, "there is no template", "import one first");
}

Result<SandboxRecord> NewSandbox(const TemplateRecord& from, SandboxState state) {
  SandboxRecord record{.id = VENEER_TRY(NewId(kSandboxPrefix)),
                       .template_id = from.id,
                       .state = state,
                       .backend = "user",
                       .size = from.image.size,
                       .last_operation = "create",
                       .created_at = Now()};
  record.name = record.id;
  return record;
}

class Stopwatch {
 public:
  // Since the last lap.
  double Lap() {
    const Clock::time_point now = Clock::now();
    return Milliseconds(now - std::exchange(last_, now)).count();
  }

 private:
  Clock::time_point last_ = Clock::now();
};

}  // namespace

Result<void> KeepPaused(const std::string& root, std::size_t count, const std::string& store) {
  constexpr std::size_t kAtOnce = 250;
  const Layout layout(root, "");
  Catalog catalog = VENEER_TRY(Catalog::Open(root));
  const TemplateRecord from = VENEER_TRY(AnyTemplate(catalog));
  const auto file = VENEER_TRY(LinuxFile::Open(store, Access::kReadOnly));
  const auto there = VENEER_TRY(catalog.SandboxesIn({SandboxState::kPaused}));
  for (std::size_t have = there.size(); have < count;) {
    std::vector<SandboxRecord> more;
    for (; have < count && more.size() < kAtOnce; ++have) {
      more.push_back(VENEER_TRY(NewSandbox(from, SandboxState::kPaused)));
      VENEER_TRY(CloneFile(*file, layout.Store(more.back().id)));
    }
    VENEER_TRY(catalog.Add(more));
  }
  return {};
}

Result<void> TimeCatalog(const std::string& root, std::size_t count, const std::string& times) {
  std::ofstream out(times, std::ios::app);
  for (std::size_t n = 0; n < count; ++n) {
    Stopwatch watch;
    std::optional<Catalog> catalog = VENEER_TRY(Catalog::Open(root));
    const double open = watch.Lap();
    const TemplateRecord from = VENEER_TRY(AnyTemplate(*catalog));
    SandboxRecord record = VENEER_TRY(NewSandbox(from, SandboxState::kCreating));
    watch.Lap();
    VENEER_TRY(catalog->Add(record));
    const double add = watch.Lap();
    record.state = SandboxState::kRunning;
    VENEER_TRY(catalog->Update(record));
    const double update = watch.Lap();
    catalog.reset();
    out << fmt::format("{:.3f} {:.3f} {:.3f} {:.3f}\n", open, add, update, watch.Lap());
    catalog = VENEER_TRY(Catalog::Open(root));
    VENEER_TRY(catalog->RemoveSandbox(record.id));
  }
  return {};
}

}  // namespace veneer::bench
