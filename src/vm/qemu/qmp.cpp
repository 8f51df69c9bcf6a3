#include "vm/qemu/qmp.h"

#include <fmt/format.h>

#include <utility>

#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

// A whole memory on a slow disk.
constexpr std::chrono::minutes kMigrationPatience{10};

std::chrono::steady_clock::time_point Deadline() {
  return std::chrono::steady_clock::now() + Qmp::kPatience;
}

std::string TextOf(const Json& json, const char* name) {
  if (!json.is_object()) return "";
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// Source of the words: MigrationStatus in qapi/migration.json.
bool HasEnded(const Json& migration) {
  const std::string word = TextOf(migration, "status");
  return word == "completed" || word == "failed" || word == "cancelled";
}

bool IsUnderWay(const Json& migration) {
  const std::string word = TextOf(migration, "status");
  return !word.empty() && word != "none" && !HasEnded(migration);
}

Result<void> RequireCompleted(const Json& migration) {
  if (TextOf(migration, "status") == "completed") return {};
  const std::string why = TextOf(migration, "error-desc");
  return Fail(ErrorKind::kCorrupt, fmt::format("the state cannot be moved: {}",
                                               why.empty() ? "QEMU says no more" : why));
}

}  // namespace

Result<Qmp> Qmp::Connect(const std::string& path) {
  Qmp qmp(VENEER_TRY(JsonChannel::Connect(path)));
  VENEER_TRY(qmp.channel_.Receive(Deadline()));  // the greeting
  VENEER_TRY(qmp.Run("qmp_capabilities"));
  return qmp;
}

Result<Json> Qmp::Run(const std::string& command, Json arguments) {
  Json message{{"execute", command}};
  if (!arguments.is_null()) message["arguments"] = std::move(arguments);
  VENEER_TRY(channel_.Send(message, Deadline()));
  auto answer = channel_.ReceiveAnswer(Deadline());
  if (!answer) return Fail(InContext(answer.error(), fmt::format("QEMU's {}", command)));
  return answer;
}

Result<std::vector<Json>> Qmp::RunEach(const std::string& command,
                                       const std::vector<Json>& arguments) {
  for (const Json& each : arguments) {
    VENEER_TRY(channel_.Send({{"execute", command}, {"arguments", each}}, Deadline()));
  }
  std::vector<Json> answers;
  for (std::size_t n = 0; n < arguments.size(); ++n) {
    auto answer = channel_.ReceiveAnswer(Deadline());
    if (!answer) return Fail(InContext(answer.error(), fmt::format("QEMU's {}", command)));
    answers.push_back(*std::move(answer));
  }
  return answers;
}

Result<std::string> Qmp::Status() {
  const Json status = VENEER_TRY(Run("query-status"));
  return TextOf(status, "status");
}

Result<void> Qmp::GiveFile(const std::string& name, const UniqueFd& file) {
  const Json message{{"execute", "getfd"}, {"arguments", {{"fdname", name}}}};
  VENEER_TRY(channel_.Send(message, Deadline(), {}, &file));
  VENEER_TRY(channel_.ReceiveAnswer(Deadline()));
  return {};
}

Result<Json> Qmp::MigrationStatus() { return Run("query-migrate"); }

Result<void> Qmp::CancelMigration() {
  if (!IsUnderWay(VENEER_TRY(MigrationStatus()))) return {};
  VENEER_TRY(Run("migrate_cancel"));
  Result<void> asked;
  const bool over = WaitUntil(kPatience, [&] {
    auto now = MigrationStatus();
    if (!now) asked = Fail(now.error());
    return !now || !IsUnderWay(*now);
  });
  VENEER_TRY(asked);
  if (over) return {};
  return Fail(ErrorKind::kFailed, "a save does not get given up", "is the disk slow?");
}

Result<void> Qmp::GoOn() {
  VENEER_TRY(CancelMigration());
  VENEER_TRY(Run("cont"));
  const std::string status = VENEER_TRY(Status());
  if (status == "running") return {};
  return Fail(ErrorKind::kFailed, fmt::format("the machine does not run: it is '{}'", status));
}

Result<void> Qmp::Migrate(const std::string& command, const UniqueFd& file, Memory memory) {
  const Json capability{{"capability", "x-ignore-shared"}, {"state", memory == Memory::kInItsFile}};
  VENEER_TRY(Run("migrate-set-capabilities", {{"capabilities", Json::array({capability})}}));
  // As fast as the disk takes it: nobody else runs meanwhile.
  VENEER_TRY(Run("migrate-set-parameters", {{"max-bandwidth", std::int64_t{1} << 50U}}));
  VENEER_TRY(GiveFile("state", file));
  VENEER_TRY(Run(command, {{"uri", "fd:state"}}));
  Result<Json> status = Json();
  const bool over = WaitUntil(kMigrationPatience, [&] {
    status = MigrationStatus();
    return !status || HasEnded(*status);
  });
  if (!status) return Fail(status.error());
  if (!over) return Fail(ErrorKind::kFailed, "the state does not get moved", "is the disk slow?");
  return RequireCompleted(*status);
}

Result<void> Qmp::SaveTo(const UniqueFd& file, Memory memory) {
  return Migrate("migrate", file, memory);
}

Result<void> Qmp::LoadFrom(const UniqueFd& file, Memory memory) {
  return Migrate("migrate-incoming", file, memory);
}

}  // namespace veneer
