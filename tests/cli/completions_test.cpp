// Completions as the shells run them: each command offers exactly the options of its help.
#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Outcome;

const std::vector<std::string> kCommands = {
    "template import", "template ls", "template show", "template rm", "snapshot create",
    "snapshot ls",     "snapshot rm", "create",        "ls",          "show",
    "pause",           "resume",      "fork",          "destroy",     "recover",
    "cow create",      "cow info",    "cow list",      "cow check",   "cow flatten",
    "cow attach",      "cow fill",    "cow grow",      "cow detach",  "gc",
    "doctor",          "demo",        "daemon",        "events",
};

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

class CompletionsTest : public CliTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (support::Run({GetParam(), "-c", "true"}).status == 127) {
      GTEST_SKIP() << GetParam() << " is not installed here";
    }
  }

  // What is offered at the end of the line.
  [[nodiscard]] std::set<std::string> Offered(const std::string& line) const {
    const Outcome outcome =
        support::Run({VENEER_SOURCE_DIR "/tests/cli/complete", GetParam(),
                      VENEER_SOURCE_DIR "/packaging/completions", line},
                     {.environment = {{"HOME", Path("")}, {"PATH", WithProgram()}}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    std::set<std::string> offered;
    for (const std::string& word : WordsOf(outcome.out)) offered.insert(word);
    return offered;
  }

  static std::string WithProgram() {
    const std::string program = support::Program();
    return program.substr(0, program.rfind('/')) + ":/usr/bin:/bin";
  }

  // Those of the command, and those that stand anywhere, which only the first help lists.
  static std::set<std::string> OptionsOf(const std::string& command) {
    std::set<std::string> options = OptionsInHelpOf("");
    options.erase("--version");
    options.merge(OptionsInHelpOf(command));
    return options;
  }

  static std::set<std::string> OptionsInHelpOf(const std::string& command) {
    std::vector<std::string> arguments = WordsOf(command);
    arguments.emplace_back("--help");
    std::set<std::string> options;
    std::istringstream help(Ok(arguments));
    // "  -h,--help   Print…", "  --size SIZE …": not those that a description mentions.
    const std::regex option("^ +(-h,)?(--[a-z][a-z-]*).*");
    for (std::string line; std::getline(help, line);) {
      std::smatch match;
      if (std::regex_match(line, match, option)) options.insert(match[2]);
    }
    return options;
  }

  static std::set<std::string> CommandsIn(const std::string& group) {
    std::set<std::string> commands;
    for (const std::string& command : kCommands) {
      const std::vector<std::string> words = WordsOf(command);
      if (group.empty()) commands.insert(words.front());
      if (words.size() == 2 && words.front() == group) commands.insert(words.back());
    }
    return commands;
  }
};

TEST_P(CompletionsTest, EachCommandOffersTheOptionsOfItsHelp) {
  for (const std::string& command : kCommands) {
    EXPECT_EQ(Offered("veneer " + command + " --"), OptionsOf(command)) << command;
  }
}

TEST_P(CompletionsTest, EachGroupOffersItsCommands) {
  for (const std::string group : {"", "template", "snapshot", "cow"}) {
    const std::set<std::string> offered =
        Offered(group.empty() ? "veneer " : "veneer " + group + " ");
    for (const std::string& command : CommandsIn(group)) {
      EXPECT_TRUE(offered.contains(command)) << group << " " << command;
    }
  }
}

TEST_P(CompletionsTest, OptionsBeforeACommandDoNotHideIt) {
  EXPECT_EQ(Offered("veneer --root /tmp --log-level info gc --"), OptionsOf("gc"));
}

TEST_P(CompletionsTest, NamesOfSandboxesAndTemplatesAreOffered) {
  support::MakeZeros(Path("base.img"), std::size_t{1} << 20U);
  const std::string root = Path("root");
  Ok({"--root", root, "template", "import", "debian", Path("base.img"), "--reserve", "64K"});
  const support::Outcome offered = support::Run(
      {VENEER_SOURCE_DIR "/tests/cli/complete", GetParam(),
       VENEER_SOURCE_DIR "/packaging/completions", "veneer create "},
      {.environment = {{"HOME", Path("")}, {"PATH", WithProgram()}, {"VENEER_ROOT", root}}});
  EXPECT_THAT(WordsOf(offered.out), ::testing::Contains("debian"));
}

INSTANTIATE_TEST_SUITE_P(Shells, CompletionsTest, ::testing::Values("bash", "zsh", "fish"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace veneer
