#include "api/disk_rounds.h"

#include <fmt/format.h>

#include <utility>

#include "base/size_text.h"

namespace veneer::api {
namespace {

// The disk has gone meanwhile, or is just being taken away, or somebody works on it: he will be
// done.
bool WillPass(const Host& host, const SandboxRecord& seen, const Error& error) {
  if (error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kConflict) return true;
  const auto now = host.catalog.Sandbox(seen.id);
  return !now || now->state != SandboxState::kRunning;
}

}  // namespace

Result<DiskRounds::Room> DiskRounds::LookAtRoom() const {
  const FileSystemRoom room = VENEER_TRY(RoomIn(host_.layout.sandboxes()));
  const Bytes mark = ReservedOf(room.total, rule_.below);
  return Room{.mark = mark, .too_little = IsTooLittle(room.available, mark, holding_)};
}

bool DiskRounds::IsUrgent() const {
  const auto room = LookAtRoom();
  return holding_ || (room && room->too_little);
}

std::vector<DiskReading> DiskRounds::Go() {
  Troubles troubles;
  std::vector<DiskReading> readings = KeepAll(troubles);
  book_.Compare("hold", std::move(troubles));
  return readings;
}

Result<DiskActivity> DiskRounds::Keep(const SandboxRecord& sandbox, Bytes mark) {
  DiskBackend* const backend = VENEER_TRY(host_.backends.Named(sandbox.backend));
  return backend->Keep(sandbox.path.value_or(""), {.mark = mark, .term = rule_.term});
}

std::vector<DiskReading> DiskRounds::KeepAll(Troubles& troubles) {
  std::vector<DiskReading> readings;
  const auto room = LookAtRoom();
  const auto running = host_.catalog.SandboxesIn({SandboxState::kRunning});
  if (!room || !running) {
    troubles.emplace("host", room ? running.error().what : room.error().what);
    return readings;
  }
  holding_ = room->too_little;
  if (holding_) {
    troubles.emplace("host", fmt::format("less than {} is free on the file system: all writers "
                                         "wait until there is room",
                                         FormatSize(room->mark)));
  }
  for (const SandboxRecord& each : *running) {
    const auto kept = Keep(each, room->mark);
    if (kept) {
      readings.push_back({.id = each.id, .name = each.name, .activity = *kept});
    } else if (holding_ && !WillPass(host_, each, kept.error())) {
      troubles.emplace("sandbox " + each.id, kept.error().what);
    }
  }
  return readings;
}

void DiskRounds::End() {
  const auto running = host_.catalog.SandboxesIn({SandboxState::kRunning});
  if (!holding_ || !running) return;
  for (const SandboxRecord& each : *running) {
    const auto backend = host_.backends.Named(each.backend);
    if (!backend || !each.path) continue;
    // A lease that ends by itself is left to do so.
    (*backend)->LetGo(*each.path, std::chrono::seconds(0)).Ignore("it goes on with this process");
  }
}

}  // namespace veneer::api
