// The real `veneer` program, run in a directory of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace veneer {

class CliTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Path(std::string_view name) const { return dir_ / name; }

  // Runs a command that must succeed; fails the test with its stderr otherwise.
  static std::string Ok(const std::vector<std::string>& arguments) {
    const support::Outcome outcome = support::RunVeneer(arguments);
    EXPECT_EQ(outcome.status, 0) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }

  // The same with --json: the value.
  static nlohmann::json OkJson(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return nlohmann::json::parse(Ok(arguments), nullptr, false);
  }

  support::TempDir dir_;
};

}  // namespace veneer
