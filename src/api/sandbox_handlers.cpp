#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "api/bodies.h"
#include "api/handlers.h"
#include "api/render.h"
#include "catalog/ids.h"
#include "sandbox/lifecycle.h"
#include "sandbox/snapshot.h"

namespace veneer::api {
namespace {

Result<std::vector<std::string>> NewIds(std::string_view prefix, unsigned count) {
  std::vector<std::string> ids;
  ids.reserve(count);
  for (unsigned n = 0; n < count; ++n) ids.push_back(VENEER_TRY(NewId(prefix)));
  return ids;
}

Result<DestroyMode> ModeIn(const Target& target) {
  const auto force = target.query.find("force");
  if (force == target.query.end() || force->second == "false") return DestroyMode::kCareful;
  if (force->second == "true") return DestroyMode::kForce;
  return Fail(ErrorKind::kUsage, "force is neither true nor false");
}

std::unexpected<Error> NotFinished(const std::string& id) {
  return Fail(ErrorKind::kConflict, fmt::format("{} is not finished", id),
              "'veneer recover' ends what a killed daemon left, and says what keeps it");
}

// Those that have these ids; nothing where one of them is missing.
Result<std::optional<std::vector<SandboxRecord>>> FindAll(const Host& host,
                                                          const std::vector<std::string>& ids) {
  std::vector<SandboxRecord> records;
  for (const std::string& id : ids) {
    auto record = host.catalog.Sandbox(id);
    if (!record && record.error().kind == ErrorKind::kNotFound) return std::nullopt;
    if (!record) return Fail(record.error());
    if (record->state == SandboxState::kCreating) {
      return NotFinished(id);
    }
    records.push_back(*std::move(record));
  }
  return records;
}

// The template that has this id; nothing where there is none.
Result<std::optional<TemplateRecord>> FindSnapshot(const Host& host, const std::string& id) {
  auto record = host.catalog.Template(id);
  if (record) return *std::move(record);
  if (record.error().kind != ErrorKind::kNotFound) return Fail(record.error());
  const auto intents = VENEER_TRY(host.catalog.Intents());
  const auto is_it = [&](const IntentRecord& each) { return each.id == id; };
  if (std::ranges::any_of(intents, is_it)) return NotFinished(id);
  return std::nullopt;
}

Result<Response> ShowForks(const Host& host, const std::vector<SandboxRecord>& forks) {
  return JsonResponse(201, VENEER_TRY(ListJson(host, "sandboxes", forks)));
}

}  // namespace

Result<Response> ListSandboxes(const Call& call) {
  return ShowPage(call, "sandboxes", VENEER_TRY(call.service.host().catalog.Sandboxes()));
}

Result<Response> GetSandbox(const Call& call) {
  const Host& host = call.service.host();
  const SandboxRecord record = VENEER_TRY(host.catalog.Sandbox(call.object));
  return Show(host, 200, record);
}

Result<Response> CreateSandbox(const Call& call) {
  const Host& host = call.service.host();
  CreateRequest request = VENEER_TRY(DecodeCreate(call.request.body));
  const IdempotencyKeys::Once once{
      .ids = VENEER_TRY(NewIds(kSandboxPrefix, 1)),
      .act = [&](const std::vector<std::string>& ids) -> Result<Response> {
        request.id = ids.front();
        const SandboxRecord record = VENEER_TRY(Lifecycle(host).Create(request));
        return Show(host, 201, record);
      },
      .find = [&](const std::vector<std::string>& ids) -> Result<std::optional<Response>> {
        const auto found = VENEER_TRY(FindAll(host, ids));
        if (!found) return std::nullopt;
        return VENEER_TRY(Show(host, 201, found->front()));
      }};
  return call.service.keys().Do(host, call.request, once);
}

Result<Response> DestroySandbox(const Call& call) {
  const Host& host = call.service.host();
  const DestroyMode mode = VENEER_TRY(ModeIn(call.request.target));
  const SandboxRecord record = VENEER_TRY(host.catalog.Sandbox(call.object));
  VENEER_TRY(Lifecycle(host).Destroy(record.id, mode));
  return JsonResponse(200, DestroyedJson(record));
}

Result<Response> PauseSandbox(const Call& call) {
  const Host& host = call.service.host();
  VENEER_TRY(DecodeNothing(call.request.body));
  const SandboxRecord record = VENEER_TRY(Lifecycle(host).Pause(call.object));
  return Show(host, 200, record);
}

Result<Response> ResumeSandbox(const Call& call) {
  const Host& host = call.service.host();
  const auto backend = VENEER_TRY(DecodeResume(call.request.body));
  const SandboxRecord record = VENEER_TRY(Lifecycle(host).Resume(call.object, backend));
  return Show(host, 200, record);
}

Result<Response> ForkSandbox(const Call& call) {
  const Host& host = call.service.host();
  const unsigned count = VENEER_TRY(DecodeFork(call.request.body));
  const IdempotencyKeys::Once once{
      .ids = VENEER_TRY(NewIds(kSandboxPrefix, count)),
      .act = [&](const std::vector<std::string>& ids) -> Result<Response> {
        return ShowForks(host, VENEER_TRY(Lifecycle(host).Fork(call.object, ids)));
      },
      .find = [&](const std::vector<std::string>& ids) -> Result<std::optional<Response>> {
        const auto found = VENEER_TRY(FindAll(host, ids));
        if (!found) return std::nullopt;
        return VENEER_TRY(ShowForks(host, *found));
      }};
  return call.service.keys().Do(host, call.request, once);
}

Result<Response> SnapshotSandbox(const Call& call) {
  const Host& host = call.service.host();
  const std::string name = VENEER_TRY(DecodeSnapshot(call.request.body));
  const IdempotencyKeys::Once once{
      .ids = VENEER_TRY(NewIds(kTemplatePrefix, 1)),
      .act = [&](const std::vector<std::string>& ids) -> Result<Response> {
        const Snapshot snapshot =
            VENEER_TRY(TakeSnapshot(host, call.object, name, {}, ids.front()));
        return Show(host, 201, snapshot);
      },
      .find = [&](const std::vector<std::string>& ids) -> Result<std::optional<Response>> {
        const auto record = VENEER_TRY(FindSnapshot(host, ids.front()));
        if (!record) return std::nullopt;
        return VENEER_TRY(Show(host, 201, Snapshot{.record = *record, .held = {}, .timings = {}}));
      }};
  return call.service.keys().Do(host, call.request, once);
}

}  // namespace veneer::api
