// Help, version, and options before and after a command.
#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Outcome;
using support::RunVeneer;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HelpTest : public CliTest {};

TEST_F(HelpTest, EveryCommandHasHelpWithExamples) {
  const std::vector<std::vector<std::string>> commands = {
      {},
      {"template"},
      {"template", "import"},
      {"create"},
      {"pause"},
      {"resume"},
      {"fork"},
      {"snapshot"},
      {"snapshot", "create"},
      {"destroy"},
      {"recover"},
      {"cow"},
      {"cow", "create"},
      {"cow", "info"},
      {"cow", "list"},
      {"cow", "check"},
      {"cow", "flatten"},
      {"cow", "attach"},
      {"cow", "fill"},
      {"cow", "grow"},
      {"cow", "detach"},
      {"demo"},
      {"daemon"},
      {"events"},
  };
  for (std::vector<std::string> command : commands) {
    std::string example = "  veneer";
    for (const std::string& word : command) example += " " + word;
    command.emplace_back("--help");
    const std::string help = Ok(command);
    EXPECT_THAT(help, HasSubstr("Examples:\n")) << example;
    EXPECT_THAT(help, HasSubstr(example)) << example;
    EXPECT_THAT(help, HasSubstr("--help")) << example;
  }
}

TEST_F(HelpTest, TheServerIsNotInTheHelp) {
  EXPECT_EQ(Ok({"cow", "--help"}).find("serve"), std::string::npos);
}

TEST_F(HelpTest, VersionIsOneLine) {
  EXPECT_EQ(Ok({"--version"}), "veneer " VENEER_VERSION "\n");
  EXPECT_EQ(OkJson({"--version"}), nlohmann::json({{"version", VENEER_VERSION}}));
}

TEST_F(HelpTest, GlobalOptionsStandBeforeOrAfterTheCommand) {
  support::MakeZeros(Path("a.cow"), std::size_t{1} << 20U);
  const std::string store = Path("a.cow");
  const std::string after = Ok({"cow", "info", store, "--json", "--root", "/r", "--run", "/n"});
  const std::string before = Ok({"--json", "--root", "/r", "--run", "/n", "cow", "info", store});
  const std::string between = Ok({"cow", "--json", "info", store});
  EXPECT_THAT(after, StartsWith("{\"valid\":true"));
  EXPECT_EQ(after, before);
  EXPECT_EQ(after, between);
}

TEST_F(HelpTest, DirectoriesComeFromTheEnvironmentToo) {
  const Outcome help = RunVeneer(
      {"--help"}, {.environment = {{"VENEER_ROOT", "/some/root"}, {"VENEER_RUN", "/some/run"}}});
  EXPECT_THAT(help.out, HasSubstr("VENEER_ROOT"));
  EXPECT_THAT(help.out, HasSubstr("VENEER_RUN"));
}

TEST_F(HelpTest, ACommandWithoutExamplesHasNotThoseOfTheProgram) {
  EXPECT_THAT(Ok({"recover", "--help"}), Not(HasSubstr("veneer create debian")));
}

// What looks like an option of ours is the command's: where it is taken for ours, this is a usage
// error.
TEST_F(HelpTest, WhatFollowsTheFirstWordOfACommandIsTheCommands) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"exec", "web", "ls", "-la", "--color"},
        {"exec", "web", "--cwd", "/", "--", "ls", "-la"},
        {"exec", "web", "--cwd", "/", "ls", "--timeout", "never"},
        {"exec", "web", "ls", "--json"}}) {
    std::vector<std::string> arguments{"--root", Path("none"), "--run", Path("none")};
    arguments.insert(arguments.end(), command.begin(), command.end());
    const Outcome outcome = RunVeneer(arguments);
    EXPECT_EQ(outcome.status, 3) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("veneer: ")) << "not as JSON";
  }
  EXPECT_EQ(RunVeneer({"exec", "web", "--timeout", "never", "ls"}).status, 2);
  EXPECT_EQ(RunVeneer({"logs", "web", "-f", "--json"}).status, 2) << "what goes on is no one value";
}

TEST_F(HelpTest, AUsageErrorPointsToTheHelpOfItsCommand) {
  const Outcome outcome = RunVeneer({"cow", "info"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("see 'veneer cow info --help'"));
}

std::string Packaged(const std::string& path) {
  return support::ReadFile(VENEER_SOURCE_DIR "/packaging/" + path);
}

// "--chunk-size", "--json", … of a help text.
std::set<std::string> OptionsIn(const std::string& help) {
  const std::regex option("--[a-z][a-z-]+");
  return {std::sregex_token_iterator(help.begin(), help.end(), option), {}};
}

TEST_F(HelpTest, EveryOptionIsInTheManPageAndInTheCompletions) {
  const std::string manual =
      std::regex_replace(Packaged("man/veneer.1"), std::regex(R"(\\-)"), "-");
  const std::string bash = Packaged("completions/veneer.bash");
  const std::string zsh = Packaged("completions/veneer.zsh");
  const std::string fish = Packaged("completions/veneer.fish");
  const std::vector<std::vector<std::string>> commands = {
      {"cow", "create"},
      {"cow", "info"},
      {"cow", "list"},
      {"cow", "check"},
      {"cow", "flatten"},
      {"cow", "attach"},
      {"cow", "fill"},
      {"cow", "grow"},
      {"cow", "detach"},
      {"template", "import"},
      {"template", "show"},
      {"template", "rm"},
      {"create"},
      {"ls"},
      {"show"},
      {"pause"},
      {"resume"},
      {"fork"},
      {"snapshot", "create"},
      {"snapshot", "ls"},
      {"destroy"},
      {"recover"},
      {"gc"},
      {"demo"},
  };
  for (std::vector<std::string> words : commands) {
    const std::string command = words.back();
    words.emplace_back("--help");
    const std::string help = Ok(words);
    for (const std::string& text : {manual, bash, zsh, fish}) EXPECT_THAT(text, HasSubstr(command));
    for (const std::string& option : OptionsIn(help)) {
      EXPECT_THAT(manual, HasSubstr(option));
      EXPECT_THAT(bash, HasSubstr(option));
      EXPECT_THAT(zsh, HasSubstr(option));
      EXPECT_THAT(fish, HasSubstr("-l " + option.substr(2) + " "));
    }
  }
}

TEST_F(HelpTest, TheFirstUnexpectedArgumentIsNamed) {
  EXPECT_THAT(RunVeneer({"cow", "info", "a", "--fast", "b"}).err, HasSubstr("unexpected: --fast;"));
  EXPECT_THAT(RunVeneer({"cook", "dinner"}).err, HasSubstr("unexpected: cook;"));
}

}  // namespace
}  // namespace veneer
