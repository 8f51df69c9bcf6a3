// The demo over a small image of the test's own: that it succeeds, and that it cleans up.
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <sstream>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Child;
using support::Outcome;
using ::testing::HasSubstr;

constexpr std::chrono::minutes kDemoTakes{5};
constexpr std::size_t kMiB = std::size_t{1} << 20U;

class DemoTest : public CliTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "the demo needs root";
    if (::access("/dev/fuse", W_OK) != 0) GTEST_SKIP() << "there is no FUSE here";
    if (::access("/dev/loop-control", W_OK) != 0) GTEST_SKIP() << "there are no loop devices here";
    if (std::filesystem::space(dir_.path()).available < 7 * 1024 * kMiB) {
      GTEST_SKIP() << "the demo needs 6 GiB of room";
    }
    support::MakeZeros(Path("template.img"), 512 * kMiB);
    ASSERT_EQ(support::Run({"mkfs.ext4", "-q", "-F", Path("template.img")}).status, 0);
  }

  [[nodiscard]] std::vector<std::string> Command() const {
    return {support::Program(),
            "demo",
            "--template",
            Path("template.img"),
            "--work",
            Path("work"),
            "--run",
            Path("run"),
            "--json"};
  }

  static std::uint64_t BytesIn(const nlohmann::json& json, const std::string& step,
                               const std::string& key) {
    for (const nlohmann::json& each : json.at("steps")) {
      if (each.at("step") == step) return each.at(key).get<std::uint64_t>();
    }
    ADD_FAILURE() << "there is no step: " << step;
    return 0;
  }

  // Nothing of this test's directory is mounted or behind a loop device.
  [[nodiscard]] std::string LeftInTheKernel() const {
    const std::string all = support::ReadFile("/proc/self/mountinfo") +
                            support::Run({"losetup", "--list", "--noheadings"}).out +
                            support::Run({"ps", "-eo", "args"}).out;
    std::istringstream lines(all);
    std::string left;
    for (std::string line; std::getline(lines, line);) {
      if (line.contains(dir_.path().native())) left += line + "\n";
    }
    return left;
  }

  void ExpectNothingIsLeft() const {
    EXPECT_EQ(LeftInTheKernel(), "");
    EXPECT_TRUE(std::filesystem::is_empty(Path("work")));
  }

  // Interrupts the demo in the step whose progress line begins like this.
  void InterruptIn(const std::string& step, int signal) const {
    Child demo(Command());
    ASSERT_TRUE(demo.WaitForOutput(step, kDemoTakes));
    demo.Signal(signal);
    const Outcome outcome = demo.Wait(kDemoTakes);
    EXPECT_FALSE(outcome.timed_out);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted by SIG"));
    EXPECT_EQ(outcome.out, "");
    ExpectNothingIsLeft();
  }
};

TEST_F(DemoTest, SucceedsAndLeavesNothing) {
  const Outcome outcome = support::Run(Command(), {.timeout = kDemoTakes});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << outcome.out;
  EXPECT_GE(json.at("bytes_written"), 200'000'000);
  EXPECT_GE(json.at("flatten").at("changed_bytes"), 200'000'000);
  EXPECT_EQ(json.at("fork").at("count"), 10);
  EXPECT_GE(BytesIn(json, "fork it 10 times while it runs", "changed_bytes"), 2'000'000'000U);
  EXPECT_GT(BytesIn(json, "take a snapshot of it while it runs", "used_bytes"), 200'000'000U);
  EXPECT_THAT(json.at("machine").at("skipped").get<std::string>(), HasSubstr("kernel"));
  ExpectNothingIsLeft();
}

TEST_F(DemoTest, KeepsWhatItIsToldTo) {
  std::vector<std::string> command = Command();
  command.emplace_back("--keep");
  ASSERT_EQ(support::Run(command, {.timeout = kDemoTakes}).status, 0);
  std::vector<std::string> runs;
  for (const auto& entry : std::filesystem::directory_iterator(Path("work"))) {
    runs.push_back(entry.path());
  }
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(std::filesystem::file_size(runs.front() + "/flat.img"), 512 * kMiB);
  EXPECT_EQ(LeftInTheKernel(), "");
  const std::vector<std::string> state = {"--root", runs.front() + "/state", "--run", Path("run")};
  std::vector<std::string> list = state;
  list.insert(list.end(), {"template", "ls"});
  const nlohmann::json templates = OkJson(list);
  ASSERT_EQ(templates.size(), 2U);
  EXPECT_EQ(templates.at(0).at("name"), "snapshot");
  EXPECT_EQ(templates.at(1).at("name"), "template");
  list = state;
  list.emplace_back("ls");
  EXPECT_EQ(OkJson(list).size(), 0U);
}

TEST_F(DemoTest, InterruptedWhileItWritesItLeavesNothing) { InterruptIn("write 210 MB", SIGINT); }

TEST_F(DemoTest, TerminatedWhileAnotherProgramRunsItLeavesNothing) {
  InterruptIn("read everything back, compare", SIGTERM);
}

TEST_F(DemoTest, InterruptedWhileItForksItLeavesNothing) { InterruptIn("fork it 10", SIGINT); }

TEST_F(DemoTest, TerminatedWhileItTakesASnapshotItLeavesNothing) {
  InterruptIn("take a snapshot", SIGTERM);
}

}  // namespace
}  // namespace veneer
