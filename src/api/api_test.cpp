// Requests from their heads to their answers, on models of the backends.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/front.h"
#include "catalog/object_lock.h"
#include "sandbox/snapshot.h"
#include "sandbox/testing/sandbox_test.h"

namespace veneer::api {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ApiTest : public veneer::testing::SandboxTest {
 protected:
  struct Said {
    unsigned status = 0;
    json body{};
    bool replayed = false;
  };

  Said Ask(const std::string& method, const std::string& target, const std::string& body = "",
           const std::string& key = "") {
    const Head head{.method = method,
                    .target = target,
                    .credentials = {.hosts = {"localhost"}},
                    .content_type = "application/json; charset=utf-8",
                    .idempotency_key = key};
    auto judged = Admit({}, head);
    if (const auto* refusal = std::get_if<Response>(&judged)) return Read(*refusal);
    auto& admitted = std::get<Admitted>(judged);
    admitted.request.body = body;
    admitted.request.upload = upload_;
    Service service(host_, {settings_, keys_, events_, metrics_});
    return Read(Answer(admitted, service));
  }

  static Said Read(const Response& response) {
    return {.status = response.status,
            .body = json::parse(response.body),
            .replayed = !response.headers.empty() &&
                        response.headers.front().first == "Idempotent-Replayed"};
  }

  [[nodiscard]] std::size_t Sandboxes() const { return catalog_->Sandboxes()->size(); }

  Settings settings_{.import_directory = directory_ / "import"};
  IdempotencyKeys keys_{directory_ / "keys"};
  EventBus events_{"x"};
  Metrics metrics_;
  int upload_ = -1;
};

constexpr const char* kWeb = R"({"template":"base","name":"web"})";

TEST_F(ApiTest, ASandboxLivesThroughAllItsStates) {
  const Said made = Ask("POST", "/v1/sandboxes", kWeb);
  EXPECT_EQ(made.status, 201U);
  EXPECT_EQ(made.body.at("state"), "running");
  EXPECT_EQ(Ask("GET", "/v1/sandboxes/web").body.at("id"), made.body.at("id"));
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/pause").body.at("state"), "paused");
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/pause").status, 409U);
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/resume", "{}").body.at("state"), "running");
  const Said forks = Ask("POST", "/v1/sandboxes/web/fork", R"({"count":2})");
  EXPECT_EQ(forks.status, 201U);
  EXPECT_EQ(forks.body.at("sandboxes").size(), 2U);
  const Said snapshot = Ask("POST", "/v1/sandboxes/web/snapshots", R"({"name":"ready"})");
  EXPECT_EQ(snapshot.status, 201U) << snapshot.body;
  EXPECT_EQ(snapshot.body.at("kind"), "snapshot");
  EXPECT_TRUE(snapshot.body.contains("held_ms"));
  EXPECT_EQ(Ask("GET", "/v1/snapshots").body.at("snapshots").size(), 1U);
  EXPECT_EQ(Ask("GET", "/v1/templates").body.at("templates").size(), 2U);
  EXPECT_EQ(Ask("DELETE", "/v1/sandboxes/web").body.at("destroyed"), true);
  EXPECT_EQ(Ask("GET", "/v1/sandboxes/web").status, 404U);
  EXPECT_EQ(Ask("DELETE", "/v1/snapshots/base").status, 404U);
  EXPECT_EQ(Ask("DELETE", "/v1/snapshots/ready").status, 200U);
  EXPECT_EQ(Ask("DELETE", "/v1/templates/base").status, 409U) << "forks use it";
}

TEST_F(ApiTest, WhatIsRefusedChangesNothing) {
  Create("web");
  struct {
    const char* method;
    const char* target;
    const char* body;
    unsigned status;
  } const refused[] = {
      {"GET", "/v1/nothing", "", 404},
      {"GET", "/v1/sandboxes/none", "", 404},
      {"PUT", "/v1/sandboxes/web", "", 405},
      {"BREW", "/v1/sandboxes/web", "", 405},
      {"GET", "/v1/sandboxes?limt=1", "", 400},
      {"GET", "/v1/sandboxes?limit=0", "", 400},
      {"GET", "/v1/../etc/passwd", "", 400},
      {"POST", "/v1/sandboxes", kWeb, 409},
      {"POST", "/v1/sandboxes", "{", 400},
      {"POST", "/v1/sandboxes", R"({"template":"../base"})", 404},
      {"POST", "/v1/sandboxes", R"({"template":"base","name":"../x"})", 400},
      {"POST", "/v1/sandboxes", R"({"template":"base","size":1024})", 400},
      {"POST", "/v1/sandboxes/web/resume", "", 409},
      {"POST", "/v1/sandboxes/web/exec", R"({"command":["ls"]})", 400},
      {"POST", "/v1/sandboxes/web/exec", R"({"argv":["ls"]})", 409},
      {"GET", "/v1/sandboxes/web/exec", "", 426},
      {"POST", "/v1/sandboxes", R"({"template":"base","boot":true})", 400},
      {"POST", "/v1/sandboxes", R"({"template":"base","cpus":2})", 400},
      {"DELETE", "/v1/sandboxes/web?force=maybe", "", 400},
      {"POST", "/v1/templates", R"({"name":"t","file":"none"})", 404},
      {"POST", "/v1/templates", R"({"name":"t","file":"../source.img"})", 400},
  };
  for (const auto& each : refused) {
    const Said said = Ask(each.method, each.target, each.body);
    EXPECT_EQ(said.status, each.status) << each.method << " " << each.target << " " << said.body;
    EXPECT_FALSE(said.body.at("hint").get<std::string>().empty()) << said.body;
  }
  EXPECT_EQ(Sandboxes(), 1U);
  EXPECT_EQ(catalog_->Templates()->size(), 1U);
}

TEST_F(ApiTest, AFileOfTheImportDirectoryBecomesATemplate) {
  fs::create_directory(directory_ / "import");
  fs::copy_file(source_, directory_ / "import/image");
  fs::create_symlink(source_, directory_ / "import/link");
  EXPECT_EQ(Ask("POST", "/v1/templates", R"({"name":"t","file":"image"})").status, 201U);
  EXPECT_EQ(Ask("POST", "/v1/templates", R"({"name":"u","file":"link"})").status, 400U);
  settings_.import_directory.reset();
  EXPECT_EQ(Ask("POST", "/v1/templates", R"({"name":"u","file":"image"})").status, 501U);
}

TEST_F(ApiTest, AnUploadBecomesATemplate) {
  const UniqueFd file(::open(source_.c_str(), O_RDONLY | O_CLOEXEC));
  upload_ = file.get();
  const Said made = Ask("PUT", "/v1/templates/sent");
  EXPECT_EQ(made.status, 201U) << made.body;
  EXPECT_EQ(made.body.at("digest"), base_.digest);
  const Said again = Ask("PUT", "/v1/templates/sent");
  EXPECT_EQ(again.status, 409U);
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  upload_ = nothing.get();
  const Said refused = Ask("PUT", "/v1/templates/other");
  EXPECT_GE(refused.status, 400U);
  EXPECT_EQ(refused.body.dump().find("/proc/"), std::string::npos) << refused.body;
}

TEST_F(ApiTest, ARequestThatIsSentAgainWithItsKeyIsDoneOnce) {
  const std::string body = R"({"template":"base"})";
  const Said first = Ask("POST", "/v1/sandboxes", body, "key-1");
  const Said second = Ask("POST", "/v1/sandboxes", body, "key-1");
  EXPECT_EQ(second.status, 201U);
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(Sandboxes(), 1U);
  EXPECT_EQ(Ask("POST", "/v1/sandboxes", body, "key-2").status, 201U);
  EXPECT_EQ(Sandboxes(), 2U);
  EXPECT_EQ(Ask("POST", "/v1/sandboxes", kWeb, "key-1").status, 400U) << "another request";
  EXPECT_EQ(Ask("POST", "/v1/sandboxes", body, "a key").status, 400U) << "no key";
}

TEST_F(ApiTest, AKeyOfARequestThatFailedIsFreeAgain) {
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/fork", "", "key").status, 404U);
  Create("web");
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/fork", "", "key").status, 201U);
  EXPECT_EQ(Sandboxes(), 2U);
}

TEST_F(ApiTest, AKeyOfARequestThatFailedBehindItsWorkIsNotFree) {
  const Request request{.method = Method::kPost, .idempotency_key = "key"};
  unsigned made = 0;
  const IdempotencyKeys::Once once{
      .ids = {"sb-00000001"},
      .act = [&](const auto& /*ids*/) -> Result<Response> {
        ++made;
        return Fail(ErrorKind::kFailed, "it cannot be shown");
      },
      .find = [&](const auto& /*ids*/) -> Result<std::optional<Response>> {
        if (made == 0) return std::nullopt;
        return Response{.status = 201, .body = "it"};
      }};
  EXPECT_FALSE(keys_.Do(host_, request, once));
  const auto again = keys_.Do(host_, request, once);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, "it");
  EXPECT_EQ(made, 1U);
}

// As a daemon leaves it that was killed at the request of "key": with an id and without an answer.
class KilledAtItTest : public ApiTest {
 protected:
  void ForgetAnswers() const {
    for (const auto& entry : fs::directory_iterator(directory_ / "keys")) {
      const std::string text = veneer::testing::SandboxTest::Read(
          entry.path(), 0, static_cast<std::size_t>(fs::file_size(entry.path())));
      auto record = DecodeKeyRecord(text);
      ASSERT_TRUE(record);
      record->answer.reset();
      std::ofstream(entry.path()) << EncodeKeyRecord(*record);
    }
  }
};

TEST_F(KilledAtItTest, WhatItHadMadeIsFound) {
  Create("web");
  const Said created = Ask("POST", "/v1/sandboxes", R"({"template":"base"})", "create");
  const Said forked = Ask("POST", "/v1/sandboxes/web/fork", R"({"count":2})", "fork");
  const Said taken = Ask("POST", "/v1/sandboxes/web/snapshots", R"({"name":"s"})", "snapshot");
  ForgetAnswers();
  EXPECT_EQ(Ask("POST", "/v1/sandboxes", R"({"template":"base"})", "create").body.at("id"),
            created.body.at("id"));
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/fork", R"({"count":2})", "fork").body, forked.body);
  EXPECT_EQ(Ask("POST", "/v1/sandboxes/web/snapshots", R"({"name":"s"})", "snapshot").body.at("id"),
            taken.body.at("id"));
  EXPECT_EQ(Sandboxes(), 4U);
}

TEST_F(KilledAtItTest, WhatItHadHalfMadeIsMadeAnewWithTheSameId) {
  const Said first = Ask("POST", "/v1/sandboxes", R"({"template":"base"})", "create");
  const std::string id = first.body.at("id");
  ForgetAnswers();
  LeaveIn(SandboxState::kCreating, Recorded(id));
  const Said again = Ask("POST", "/v1/sandboxes", R"({"template":"base"})", "create");
  EXPECT_EQ(again.status, 201U) << again.body;
  EXPECT_EQ(again.body.at("id"), id);
  EXPECT_EQ(again.body.at("state"), "running");
  EXPECT_EQ(Sandboxes(), 1U);
}

TEST_F(KilledAtItTest, ASnapshotThatCouldNotBeUndoneIsNotTakenAgain) {
  const SandboxRecord web = Create("web");
  const Said first = Ask("POST", "/v1/sandboxes/web/snapshots", R"({"name":"s"})", "snapshot");
  const std::string id = first.body.at("id");
  ForgetAnswers();
  ASSERT_EQ(Ask("DELETE", "/v1/snapshots/s").status, 200U);
  ASSERT_TRUE(catalog_->Begin({.id = id, .verb = "snapshot", .object = web.id, .began_at = {}}));
  const auto at_work = ObjectLock::Take(layout_.locks(), id, "recover");
  ASSERT_TRUE(at_work);
  const auto asked = [&] {
    return Ask("POST", "/v1/sandboxes/web/snapshots", R"({"name":"s"})", "snapshot");
  };
  EXPECT_EQ(asked().status, 409U);
  EXPECT_EQ(asked().body.at("detail"), id + " is not finished");
}

TEST_F(ApiTest, KeysAreForgottenInTime) {
  Ask("POST", "/v1/sandboxes", R"({"template":"base"})", "key");
  ASSERT_TRUE(keys_.Expire(std::chrono::hours(1)));
  EXPECT_FALSE(fs::is_empty(directory_ / "keys"));
  for (const auto& entry : fs::directory_iterator(directory_ / "keys")) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  ASSERT_TRUE(keys_.Expire(std::chrono::hours(1)));
  EXPECT_TRUE(fs::is_empty(directory_ / "keys"));
}

TEST_F(ApiTest, ChangesAreToldAndCounted) {
  EventBus::Subscription ear(events_, "", [] {});
  Ask("GET", "/v1/sandboxes");
  Ask("POST", "/v1/sandboxes", kWeb);
  Ask("POST", "/v1/sandboxes/web/resume");
  const auto events = ear.Take();
  std::vector<json> told;
  std::vector<std::string> steps;
  for (const Event& event : events) {
    const json data = json::parse(event.data);
    if (event.type == "operation") told.push_back(data);
    if (event.type == "step") steps.push_back(data.at("step"));
  }
  EXPECT_EQ(steps,
            (std::vector<std::string>{"record", "store", "verify", "attach", "sync", "settle"}));
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0].at("phase"), "began");
  const json& made = told[1];
  EXPECT_EQ(made.at("verb"), "create");
  EXPECT_EQ(made.at("outcome"), "done");
  EXPECT_EQ(made.at("result").at("name"), "web");
  const json& refused = told[3];
  EXPECT_EQ(refused.at("object"), "web");
  EXPECT_EQ(refused.at("outcome"), "conflict");
  EXPECT_EQ(refused.at("number"), told[2].at("number"));

  const std::string text = metrics_.Render(*LookUpFigures(host_));
  for (const std::string_view line :
       {"veneer_sandboxes{state=\"running\"} 1", "veneer_sandboxes{state=\"failed\"} 0",
        "veneer_templates{kind=\"image\"} 1",
        "veneer_operation_duration_seconds_count{verb=\"create\",outcome=\"done\"} 1",
        R"(veneer_operation_duration_seconds_bucket{verb="resume",outcome="conflict",le="+Inf"} 1)",
        "veneer_step_duration_seconds_count{verb=\"create\",step=\"attach\"} 1",
        "veneer_sandboxes_virtual_bytes 4194304"}) {
    EXPECT_NE(text.find(fmt::format("{}\n", line)), std::string::npos) << line << text;
  }
}

TEST_F(ApiTest, AnAnswerThatIsGivenAgainIsNotToldAgain) {
  Ask("POST", "/v1/sandboxes", kWeb, "key");
  EventBus::Subscription ear(events_, "", [] {});
  const Said again = Ask("POST", "/v1/sandboxes", kWeb, "key");
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(ear.Take().size(), 0U);
}

TEST_F(ApiTest, AHandlerThatThrowsIsAProblemAndTheEndOfItsOperation) {
  int asked = 0;
  host_.now = [&]() -> Timestamp {
    ++asked;  // first the operation that begins, then the handler
    if (asked == 2) throw std::runtime_error("no memory");
    return {};
  };
  EventBus::Subscription ear(events_, "", [] {});
  const Said said = Ask("POST", "/v1/sandboxes", kWeb);
  EXPECT_EQ(said.status, 500U);
  EXPECT_EQ(said.body.at("detail"), "no memory");
  const auto events = ear.Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(json::parse(events[1].data).at("outcome"), "failed");
}

TEST_F(ApiTest, PathsOfTheDocumentAreThoseOfTheTable) {
  std::set<std::string> documented;
  const json document = Ask("GET", "/openapi.json").body;
  for (const auto& [path, item] : document.at("paths").items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method != "parameters") documented.insert(fmt::format("{} {}", method, path));
    }
  }
  std::set<std::string> served;
  for (const Route& route : Routes()) {
    std::string method(MethodName(route.method));
    std::ranges::transform(method, method.begin(), [](char c) { return c - 'A' + 'a'; });
    served.insert(method + " " + std::string(route.pattern));
  }
  EXPECT_EQ(documented, served);
}

}  // namespace
}  // namespace veneer::api
