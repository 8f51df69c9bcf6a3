#include "api/watcher.h"

#include <fmt/format.h>

#include <optional>
#include <system_error>
#include <utility>

#include "base/size_text.h"
#include "images/space.h"
#include "sandbox/recover.h"
#include "sandbox/templates.h"

namespace veneer::api {
namespace {

// A store grows when less than a quarter is left, by half of what it has.
constexpr double kNearlyFull = 0.75;

Bytes GrownFrom(Bytes capacity) { return Bytes(capacity.value() + capacity.value() / 2); }

}  // namespace

void Watcher::Look() {
  book_.Compare("disk", LookAtDisks());
  book_.Compare("store", LookAtStores());
  book_.Compare("room", LookAtRoom());
  book_.Compare("template", LookAtTemplates());
}

Watcher::Troubles Watcher::LookAtDisks() {
  const auto report = Recover(host_, RecoverScope::kQuick);
  if (!report) return {{"host", report.error().what}};
  for (const Recovered& each : report->changed) tell_({"disk", each.object, each.outcome});
  Troubles stuck;
  for (const Recovered& each : report->stuck) stuck.emplace(each.object, each.outcome);
  return stuck;
}

Watcher::Troubles Watcher::LookAtStores() {
  const auto running = host_.catalog.SandboxesIn({SandboxState::kRunning});
  if (!running) return {{"host", running.error().what}};
  Troubles troubles;
  for (const SandboxRecord& sandbox : *running) {
    const std::string object = "sandbox " + sandbox.id;
    const auto grown = GrowIfNearlyFull(sandbox);
    if (!grown) troubles.emplace(object, grown.error().what);
    if (grown && *grown) tell_({"store", object, **grown});
  }
  return troubles;
}

// What it has done; nothing where nothing was to be done. A disk that has just gone is not looked
// at.
Result<std::optional<std::string>> Watcher::GrowIfNearlyFull(const SandboxRecord& sandbox) {
  DiskBackend* const backend = VENEER_TRY(host_.backends.Named(sandbox.backend));
  if (backend->kind() != BackendKind::kDm || !sandbox.path) return std::nullopt;
  const auto fill = backend->Fill(*sandbox.path);
  if (!fill || fill->fill() < kNearlyFull) return std::nullopt;
  const DiskFill grown = VENEER_TRY(backend->Grow(*sandbox.path, GrownFrom(fill->capacity)));
  if (grown.capacity <= fill->capacity) return std::nullopt;  // it holds all of the disk
  return fmt::format("grown from {} to {}", FormatSize(fill->capacity), FormatSize(grown.capacity));
}

// Without the numbers, which are others at every look.
Watcher::Troubles Watcher::LookAtRoom() {
  const Result<void> room = RequireRoom(host_.layout.sandboxes(), Bytes(0), host_.reserve);
  if (room) return {};
  return {
      {"host", "the file system's reserve is touched: nothing new is made until there is room"}};
}

Watcher::Troubles Watcher::LookAtTemplates() {
  const auto templates = host_.catalog.Templates();
  if (!templates) return {{"host", templates.error().what}};
  Troubles troubles;
  for (const TemplateRecord& each : *templates) {
    const std::string object = "template " + each.id;
    std::error_code error;
    const auto written = std::filesystem::last_write_time(host_.layout.Image(each.id), error);
    const auto wrong = wrong_.find(object);
    if (!error && wrong != wrong_.end() && wrong->second == written) {
      troubles.emplace(object, book_.Last("template", object));
      continue;
    }
    wrong_.erase(object);
    const Result<void> same = Templates(host_).Verify(each);
    if (same) continue;
    troubles.emplace(object, same.error().what);
    // What kept it from being looked at may be over at the next look.
    const bool is_known = same.error().kind == ErrorKind::kCorrupt;
    if (!error && is_known) wrong_.emplace(object, written);
  }
  return troubles;
}

}  // namespace veneer::api
