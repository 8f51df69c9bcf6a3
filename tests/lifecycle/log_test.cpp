// The log of a state directory, and the same on standard error.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::Outcome;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

class LogTest : public SandboxesTest {
 protected:
  [[nodiscard]] std::string LogPath() const { return root_ + "/log"; }

  static std::vector<json> Lines(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      lines.push_back(json::parse(line, nullptr, false));
      EXPECT_TRUE(lines.back().is_object()) << line;
    }
    return lines;
  }

  // "create/attach done", "create/ done": of one object.
  static std::set<std::string> StepsOf(const std::vector<json>& lines, const std::string& object) {
    std::set<std::string> steps;
    for (const json& line : lines) {
      if (line.value("object", "") != object) continue;
      steps.insert(line.at("verb").get<std::string>() + "/" + line.value("step", "") + " " +
                   line.at("outcome").get<std::string>());
    }
    return steps;
  }

  [[nodiscard]] Outcome WithEnvironment(const std::vector<std::string>& arguments,
                                        const std::string& level) const {
    return support::Run(Command(arguments), {.environment = {{"VENEER_LOG", level}}});
  }
};

TEST_F(LogTest, EachStepIsALineWithTimeProcessSandboxDurationAndOutcome) {
  const std::string id = Create("web").at("id");
  Ok({"pause", "web"});
  EXPECT_FALSE(Refused(4, {"pause", "web"}).empty());
  const std::vector<json> lines = Lines(support::ReadFile(LogPath()));
  EXPECT_THAT(StepsOf(lines, id),
              IsSupersetOf({"create/store done", "create/attach done", "create/ done",
                            "pause/detach done", "pause/ done"}));
  EXPECT_THAT(StepsOf(lines, "web"), ::testing::ElementsAre("pause/ conflict"));
  for (const json& line : lines) {
    EXPECT_THAT(line.at("time").get<std::string>(),
                ::testing::MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]+Z"));
    EXPECT_GT(line.at("pid").get<int>(), 0);
    EXPECT_GE(line.at("ms").get<double>(), 0.0);
    EXPECT_TRUE(line.contains("level"));
  }
  EXPECT_THAT(lines.back().at("detail").get<std::string>(), HasSubstr("it is paused"));
}

TEST_F(LogTest, StandardErrorHasWhatIsAskedForAndNothingElse) {
  const Outcome silent = Veneer({"create", "base", "--name", "one", "--backend", Backend()});
  EXPECT_EQ(silent.err, "");
  const Outcome loud = Veneer({"pause", "one", "--json", "--log-level", "debug"});
  EXPECT_EQ(json::parse(loud.out, nullptr, false).value("state", ""), "paused");
  EXPECT_GE(Lines(loud.err).size(), 3U);
  const Outcome ends = WithEnvironment({"resume", "one"}, "info");
  ASSERT_THAT(Lines(ends.err), SizeIs(1));
  EXPECT_EQ(Lines(ends.err)[0].at("verb"), "resume");
  EXPECT_FALSE(Lines(ends.err)[0].contains("step"));
  const Outcome refused = Veneer({"resume", "one", "--json", "--log-level", "error"});
  EXPECT_EQ(refused.status, 4);
  EXPECT_THAT(Lines(refused.err), SizeIs(1));  // the error itself
}

TEST_F(LogTest, ALevelThatThereIsNotIsRefused) {
  EXPECT_THAT(Refused(2, {"ls", "--log-level", "loud"}), HasSubstr("debug"));
  EXPECT_EQ(WithEnvironment({"ls"}, "loud").status, 2);
}

TEST_F(LogTest, ALogThatCannotBeWrittenKeepsNobodyFromWork) {
  fs::remove(LogPath());
  fs::create_directory(LogPath());
  Create("web");
  Ok({"pause", "web"});
  fs::remove(LogPath());
  fs::create_symlink("/dev/full", LogPath());
  Ok({"resume", "web"});
  fs::remove(LogPath());
  EXPECT_EQ(StateOf("web"), "running");
}

TEST_F(LogTest, AReaderOfStandardErrorThatHasGoneKeepsNobodyFromWork) {
  std::string line = "{";
  for (const std::string& word : Command(
           {"create", "base", "--name", "web", "--log-level", "debug", "--backend", Backend()})) {
    line += " '" + word + "'";
  }
  line += " 2>&1 >/dev/null; } | true; exit ${PIPESTATUS[0]}";
  const Outcome outcome = support::Run({"bash", "-c", line});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(StateOf("web"), "running");
}

TEST_F(LogTest, LookingIsNotLogged) {
  const std::string before = support::ReadFile(LogPath());
  Ok({"ls"});
  Ok({"template", "ls"});
  EXPECT_EQ(support::ReadFile(LogPath()), before);
}

}  // namespace
}  // namespace veneer::lifecycle
