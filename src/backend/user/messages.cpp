#include "backend/user/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "backend/json_fields.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> NotOurs() {
  return Fail(ErrorKind::kFailed, "a message is not what a server of a disk says",
              "both ends must be of the same version");
}

Result<Json> ParseObject(std::string_view line) {
  Json json = ParseObjectOrNull(line);
  if (json.is_null()) return NotOurs();
  return json;
}

std::optional<Bytes> SizeIn(const Json& json, const char* name) {
  const std::int64_t size = NumberOr(json, name, -1);
  if (size < 0) return std::nullopt;
  return Bytes(static_cast<std::uint64_t>(size));
}

ErrorKind KindNamed(std::string_view name) {
  for (const ErrorKind kind :
       {ErrorKind::kFailed, ErrorKind::kUsage, ErrorKind::kNotFound, ErrorKind::kConflict,
        ErrorKind::kNoSpace, ErrorKind::kCorrupt, ErrorKind::kUnsupported}) {
    if (KindName(kind) == name) return kind;
  }
  return ErrorKind::kFailed;
}

// Longer than anybody needs; whoever watches renews it every few seconds.
constexpr std::chrono::hours kLongestTerm{1};

constexpr std::array kOps = {ControlOp::kDetach, ControlOp::kStatus, ControlOp::kFill,
                             ControlOp::kGrow,   ControlOp::kClone,  ControlOp::kKeep,
                             ControlOp::kLetGo};

std::string_view OpName(ControlOp op) {
  switch (op) {
    case ControlOp::kDetach:
      return "detach";
    case ControlOp::kStatus:
      return "status";
    case ControlOp::kFill:
      return "fill";
    case ControlOp::kGrow:
      return "grow";
    case ControlOp::kClone:
      return "clone";
    case ControlOp::kKeep:
      return "keep";
    case ControlOp::kLetGo:
      return "let_go";
  }
  return "";
}

std::optional<StoreCondition> ConditionNamed(std::string_view name) {
  for (const StoreCondition condition :
       {StoreCondition::kGood, StoreCondition::kOverflow, StoreCondition::kInvalid}) {
    if (ConditionName(condition) == name) return condition;
  }
  return std::nullopt;
}

constexpr std::array kMethods = {std::pair(CloneMethod::kReflink, std::string_view("reflink")),
                                 std::pair(CloneMethod::kCopy, std::string_view("copy"))};

// kUsage where it is no number of bytes, or less than `least`.
Result<Bytes> SizeOf(const Json& json, const char* name, std::uint64_t least) {
  const auto size = SizeIn(json, name);
  if (size && size->value() >= least) return *size;
  return Fail(ErrorKind::kUsage, fmt::format("{} is no number of bytes", name),
              fmt::format("it is at least {}", least));
}

bool HasTerm(ControlOp op) { return op == ControlOp::kKeep || op == ControlOp::kLetGo; }

Result<std::chrono::milliseconds> TermIn(const Json& json) {
  const std::chrono::milliseconds term(NumberOr(json, "term_ms", -1));
  if (term.count() >= 0 && term <= kLongestTerm) return term;
  return Fail(ErrorKind::kUsage, "term_ms is no time", "it is at most an hour");
}

Result<void> RequirePath(const std::string& path) {
  constexpr std::size_t kLongest = 4095;  // PATH_MAX, with its NUL
  const bool is_path =
      path.starts_with('/') && path.size() <= kLongest && path.find('\0') == std::string::npos;
  if (is_path) return {};
  return Fail(ErrorKind::kUsage, "the path of the clone is no absolute path",
              "it begins with '/' and has no more than 4095 bytes");
}

Json ToJson(const Error& error) {
  return {{"error",
           {{"kind", KindName(error.kind)},
            {"errno", error.os_errno},
            {"what", error.what},
            {"hint", error.hint}}}};
}

// Nothing where the message holds no error.
std::optional<Error> ErrorIn(const Json& json) {
  const auto found = json.find("error");
  if (found == json.end() || !found->is_object()) return std::nullopt;
  return Error{.kind = KindNamed(StringOr(*found, "kind", "")),
               .os_errno = static_cast<int>(NumberOr(*found, "errno", 0)),
               .what = StringOr(*found, "what", ""),
               .hint = StringOr(*found, "hint", "")};
}

Json ToJson(const StoreFill& fill) {
  return {{"condition", ConditionName(fill.condition)},
          {"used", fill.used.value()},
          {"capacity", fill.capacity.value()}};
}

Result<StoreFill> FillIn(const Json& json) {
  const auto condition = ConditionNamed(StringOr(json, "condition", ""));
  const auto used = SizeIn(json, "used");
  const auto capacity = SizeIn(json, "capacity");
  if (!condition || !used || !capacity) return NotOurs();
  return StoreFill{.condition = *condition, .used = *used, .capacity = *capacity};
}

Json ToJson(const DiskRecord& record) {
  return {{"pid", record.pid},
          {"store", record.store},
          {"origin", record.origin},
          {"path", record.path},
          {"export", ExportName(record.export_kind)},
          {"device", OrNull(record.device)},
          {"read_only", record.access == DiskAccess::kReadOnly},
          {"made", record.mount_point == DiskRecord::MountPoint::kMade}};
}

}  // namespace

std::string EncodeRecord(const DiskRecord& record) { return DumpLine(ToJson(record)); }

Result<DiskRecord> DecodeRecord(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  DiskRecord record;
  record.pid = static_cast<pid_t>(NumberOr(json, "pid", 0));
  record.store = StringOr(json, "store", "");
  record.origin = StringOr(json, "origin", "");
  record.path = StringOr(json, "path", "");
  // What older servers wrote says nothing: they knew one way only.
  const auto export_kind = ExportNamed(StringOr(json, "export", "fuse"));
  if (!export_kind) return NotOurs();
  record.export_kind = *export_kind;
  record.device = OptionalString(json, "device");
  if (IsTrue(json, "read_only")) record.access = DiskAccess::kReadOnly;
  if (IsTrue(json, "made")) record.mount_point = DiskRecord::MountPoint::kMade;
  if (record.path.empty()) return NotOurs();
  return record;
}

std::string EncodeAttached(const Result<Attachment>& attached) {
  if (!attached) return DumpLine(ToJson(attached.error()));
  return DumpLine(
      {{"path", attached->path}, {"device", OrNull(attached->device)}, {"pid", attached->server}});
}

Result<Attachment> DecodeAttached(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  Attachment attachment;
  attachment.path = StringOr(json, "path", "");
  attachment.device = OptionalString(json, "device");
  attachment.server = static_cast<pid_t>(NumberOr(json, "pid", 0));
  if (attachment.path.empty() || attachment.server <= 0) return NotOurs();
  return attachment;
}

std::string EncodeRequest(const ControlRequest& request) {
  Json json = {{"op", OpName(request.op)}};
  if (request.op == ControlOp::kGrow) json["max_change"] = request.max_change.value();
  if (request.op == ControlOp::kClone) json["path"] = request.clone;
  if (request.op == ControlOp::kKeep) json["mark"] = request.mark.value();
  if (HasTerm(request.op)) json["term_ms"] = request.term.count();
  return DumpLine(json);
}

Result<ControlRequest> DecodeRequest(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  const std::string name = StringOr(json, "op", "");
  const auto* const op =
      std::ranges::find_if(kOps, [&](ControlOp known) { return OpName(known) == name; });
  if (op == kOps.end()) {
    return Fail(ErrorKind::kUsage, "the operation is not known",
                "detach, status, fill, grow, clone, keep and let_go are");
  }
  ControlRequest request{.op = *op};
  if (*op == ControlOp::kClone) {
    request.clone = StringOr(json, "path", "");
    VENEER_TRY(RequirePath(request.clone));
  }
  if (*op == ControlOp::kGrow) request.max_change = VENEER_TRY(SizeOf(json, "max_change", 1));
  if (*op == ControlOp::kKeep) request.mark = VENEER_TRY(SizeOf(json, "mark", 0));
  if (HasTerm(*op)) request.term = VENEER_TRY(TermIn(json));
  return request;
}

std::string EncodeDone(const Result<void>& done) {
  return DumpLine(done ? Json{{"ok", true}} : ToJson(done.error()));
}

Result<void> DecodeDone(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  if (!IsTrue(json, "ok")) return NotOurs();
  return {};
}

std::string EncodeFill(const Result<StoreFill>& fill) {
  return DumpLine(fill ? ToJson(*fill) : ToJson(fill.error()));
}

Result<StoreFill> DecodeFill(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  return FillIn(json);
}

std::string EncodeClone(const Result<StoreClone>& clone) {
  if (!clone) return DumpLine(ToJson(clone.error()));
  const auto* const method =
      std::ranges::find(kMethods, clone->method, [](const auto& each) { return each.first; });
  return DumpLine({{"method", method->second}, {"held_ms", clone->held.count()}});
}

Result<StoreClone> DecodeClone(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  const std::string name = StringOr(json, "method", "");
  const auto* const method =
      std::ranges::find(kMethods, name, [](const auto& each) { return each.second; });
  const auto held = json.find("held_ms");
  if (method == kMethods.end() || held == json.end() || !held->is_number()) return NotOurs();
  const auto milliseconds = held->get<double>();
  if (!std::isfinite(milliseconds) || milliseconds < 0) return NotOurs();
  return StoreClone{.method = method->first,
                    .held = std::chrono::duration<double, std::milli>(milliseconds)};
}

std::string EncodeStatus(const DiskRecord& record, const DiskActivity& activity) {
  const DiskCounters& counters = activity.counters;
  Json json = ToJson(record);
  json["held"] = activity.writers == Writers::kHeld;
  json["fill"] = ToJson(activity.fill);
  json["counters"] = {{"reads", counters.reads},
                      {"writes", counters.writes},
                      {"flushes", counters.flushes},
                      {"errors", counters.errors},
                      {"bytes_read", counters.bytes_read.value()},
                      {"bytes_written", counters.bytes_written.value()}};
  return DumpLine(json);
}

Result<DiskActivity> DecodeStatus(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  const auto found = json.find("counters");
  if (found == json.end() || !found->is_object()) return NotOurs();
  DiskActivity activity;
  DiskCounters& counters = activity.counters;
  bool whole = true;
  const auto take = [&](const char* name, auto& counter) {
    const auto count = SizeIn(*found, name);
    whole = whole && count;
    if (count) counter = std::remove_reference_t<decltype(counter)>(count->value());
  };
  take("reads", counters.reads);
  take("writes", counters.writes);
  take("flushes", counters.flushes);
  take("errors", counters.errors);
  take("bytes_read", counters.bytes_read);
  take("bytes_written", counters.bytes_written);
  if (!whole) return NotOurs();
  // Older servers do not tell it.
  const auto fill = json.find("fill");
  if (fill != json.end()) activity.fill = VENEER_TRY(FillIn(*fill));
  if (IsTrue(json, "held")) activity.writers = Writers::kHeld;
  return activity;
}

}  // namespace veneer
