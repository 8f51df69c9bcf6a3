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

Result<std::string> Qmp::MigrationStatus() {
  const Json status = VENEER_TRY(Run("query-migrate"));
  std::string word = TextOf(status, "status");
  if (word != "failed") return word;
  const std::string why = TextOf(status, "error-desc");
  return Fail(ErrorKind::kCorrupt, fmt::format("the state cannot be moved: {}",
                                               why.empty() ? "QEMU says no more" : why));
}

Result<void> Qmp::Migrate(const std::string& command, const UniqueFd& file, Memory memory) {
  const Json capability{{"capability", "x-ignore-shared"}, {"state", memory == Memory::kInItsFile}};
  VENEER_TRY(Run("migrate-set-capabilities", {{"capabilities", Json::array({capability})}}));
  // As fast as the disk takes it: nobody else runs meanwhile.
  VENEER_TRY(Run("migrate-set-parameters", {{"max-bandwidth", std::int64_t{1} << 50U}}));
  VENEER_TRY(GiveFile("state", file));
  VENEER_TRY(Run(command, {{"uri", "fd:state"}}));
  Result<std::string> status = std::string();
  const bool over = WaitUntil(kMigrationPatience, [&] {
    status = MigrationStatus();
    return !status || *status == "completed";
  });
  if (!status) return Fail(status.error());
  if (!over) return Fail(ErrorKind::kFailed, "the state does not get moved", "is the disk slow?");
  return {};
}

Result<void> Qmp::SaveTo(const UniqueFd& file, Memory memory) {
  return Migrate("migrate", file, memory);
}

Result<void> Qmp::LoadFrom(const UniqueFd& file, Memory memory) {
  return Migrate("migrate-incoming", file, memory);
}

}  // namespace veneer
