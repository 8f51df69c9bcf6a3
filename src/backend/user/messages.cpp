#include "backend/user/messages.h"

#include <nlohmann/json.hpp>

namespace veneer {
namespace {

using Json = nlohmann::json;

// Paths are bytes; JSON is UTF-8. What is not is replaced rather than thrown at.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unexpected<Error> NotOurs() {
  return Fail(ErrorKind::kFailed, "a message is not what a server of a disk says",
              "both ends must be of the same version");
}

Result<Json> ParseObject(std::string_view line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return NotOurs();
  return json;
}

std::string StringOr(const Json& json, const char* name, std::string otherwise) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return otherwise;
  return found->get<std::string>();
}

std::int64_t NumberOr(const Json& json, const char* name, std::int64_t otherwise) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

bool IsTrue(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

std::optional<std::string> OptionalString(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

ErrorKind KindNamed(std::string_view name) {
  for (const ErrorKind kind :
       {ErrorKind::kFailed, ErrorKind::kUsage, ErrorKind::kNotFound, ErrorKind::kConflict,
        ErrorKind::kNoSpace, ErrorKind::kCorrupt, ErrorKind::kUnsupported}) {
    if (KindName(kind) == name) return kind;
  }
  return ErrorKind::kFailed;
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

Json ToJson(const DiskRecord& record) {
  return {{"pid", record.pid},
          {"store", record.store},
          {"origin", record.origin},
          {"path", record.path},
          {"device", OrNull(record.device)},
          {"read_only", record.access == DiskAccess::kReadOnly},
          {"made", record.mount_point == DiskRecord::MountPoint::kMade}};
}

}  // namespace

std::string EncodeRecord(const DiskRecord& record) { return Dump(ToJson(record)); }

Result<DiskRecord> DecodeRecord(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  DiskRecord record;
  record.pid = static_cast<pid_t>(NumberOr(json, "pid", 0));
  record.store = StringOr(json, "store", "");
  record.origin = StringOr(json, "origin", "");
  record.path = StringOr(json, "path", "");
  record.device = OptionalString(json, "device");
  if (IsTrue(json, "read_only")) record.access = DiskAccess::kReadOnly;
  if (IsTrue(json, "made")) record.mount_point = DiskRecord::MountPoint::kMade;
  if (record.path.empty()) return NotOurs();
  return record;
}

std::string EncodeAttached(const Result<Attachment>& attached) {
  if (!attached) return Dump(ToJson(attached.error()));
  return Dump(
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

std::string EncodeOp(ControlOp op) {
  return Dump({{"op", op == ControlOp::kDetach ? "detach" : "status"}});
}

Result<ControlOp> DecodeOp(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  const std::string name = StringOr(json, "op", "");
  if (name == "detach") return ControlOp::kDetach;
  if (name == "status") return ControlOp::kStatus;
  return Fail(ErrorKind::kUsage, "the operation is not known", "detach and status are");
}

std::string EncodeDone(const Result<void>& done) {
  return Dump(done ? Json{{"ok", true}} : ToJson(done.error()));
}

Result<void> DecodeDone(std::string_view line) {
  const Json json = VENEER_TRY(ParseObject(line));
  if (const auto error = ErrorIn(json)) return Fail(*error);
  if (!IsTrue(json, "ok")) return NotOurs();
  return {};
}

std::string EncodeStatus(const DiskRecord& record, const DiskCounters& counters) {
  Json json = ToJson(record);
  json["counters"] = {{"reads", counters.reads},
                      {"writes", counters.writes},
                      {"flushes", counters.flushes},
                      {"errors", counters.errors},
                      {"bytes_read", counters.bytes_read.value()},
                      {"bytes_written", counters.bytes_written.value()}};
  return Dump(json);
}

}  // namespace veneer
