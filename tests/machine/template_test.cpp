// The making of templates that boot, cut short.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;

class TemplateBuildTest : public SandboxesTest {
 protected:
  // Command lines of the processes that work in this test's directories.
  [[nodiscard]] std::vector<std::string> AtWork() const {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
      std::ifstream file(entry.path() / "cmdline");
      std::string words((std::istreambuf_iterator<char>(file)), {});
      if (words.contains(dir_.path().string())) found.push_back(std::move(words));
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> TemplateFiles() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ + "/templates")) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] bool Bootstraps() const {
    return std::ranges::any_of(AtWork(), [](const std::string& words) {
      return words.contains("mmdebstrap") && !words.starts_with("setpriv");
    });
  }
};

TEST_F(TemplateBuildTest, WhatAKilledOneLeavesGcTakesAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "a root file system is made by root";
  const json templates = Ok({"template", "ls"});
  const std::vector<std::string> files = TemplateFiles();
  support::Child build(Command({"template", "build", "debian"}));
  ASSERT_TRUE(support::Eventually([&] { return Bootstraps(); }, std::chrono::minutes(1)));
  build.Signal(SIGKILL);
  build.Wait(std::chrono::minutes(1));
  EXPECT_TRUE(support::Eventually([&] { return AtWork().empty(); }, std::chrono::minutes(1)));
  Ok({"gc"});
  EXPECT_EQ(TemplateFiles(), files);
  EXPECT_EQ(Ok({"template", "ls"}), templates);
}

}  // namespace
}  // namespace veneer::lifecycle
