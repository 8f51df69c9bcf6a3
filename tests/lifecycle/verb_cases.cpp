#include "lifecycle/verb_cases.h"

#include <algorithm>

namespace veneer::lifecycle {

void PrintTo(const VerbCase& each, std::ostream* out) { *out << each.verb; }

std::string NameOfVerb(const ::testing::TestParamInfo<VerbCase>& instance) {
  return instance.param.verb;
}

std::vector<VerbCase> EachVerb() {
  return {
      VerbCase{
          .verb = "create", .names_backend = true, .command = {"create", "base", "--name", "new"}},
      VerbCase{.verb = "pause", .command = {"pause", "web"}},
      VerbCase{.verb = "resume", .paused = true, .command = {"resume", "web"}},
      VerbCase{.verb = "fork", .command = {"fork", "web", "--count", "2"}},
      VerbCase{.verb = "snapshot", .command = {"snapshot", "create", "web", "--name", "s"}},
      VerbCase{.verb = "destroy", .command = {"destroy", "web"}}};
}

std::vector<std::string> VerbTest::Verb() const {
  std::vector<std::string> command = Command(GetParam().command);
  if (GetParam().names_backend) command.insert(command.end(), {"--backend", Backend()});
  return command;
}

void VerbTest::Prepare() const {
  Create("web");
  Write(DiskOf("web"), 1, 'w');
  if (GetParam().paused) Ok({"pause", "web"});
}

void VerbTest::CleanUp() const {
  for (const json& sandbox : Ok({"ls"})) Ok({"destroy", sandbox.at("id").get<std::string>()});
  for (const json& snapshot : Ok({"snapshot", "ls"})) {
    Ok({"snapshot", "rm", snapshot.at("id").get<std::string>()});
  }
}

void VerbTest::ExpectNotBegunOrDone() {
  const json report = Ok({"recover"});
  EXPECT_EQ(report.at("stuck"), json::array());
  Ok({"gc"});
  const json sandboxes = Ok({"ls"});
  for (const json& sandbox : sandboxes) {
    const bool has_data = sandbox.at("name") == "web" || sandbox.at("operation") == "fork";
    if (sandbox.at("state") == "running" && has_data) {
      EXPECT_EQ(Read(sandbox.at("path"), 1), 'w');
    }
  }
  ExpectAllAgree();
  const auto forks = std::ranges::count_if(
      sandboxes, [](const json& each) { return each.at("operation") == "fork"; });
  EXPECT_TRUE(forks == 0 || forks == 2) << forks << " of two forks";
  const bool has_web =
      std::ranges::any_of(sandboxes, [](const json& each) { return each.at("name") == "web"; });
  EXPECT_TRUE(has_web || GetParam().verb == std::string("destroy"));
  if (!has_web) return;
  if (StateOf("web") == "paused") Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 1), 'w');
}

}  // namespace veneer::lifecycle
