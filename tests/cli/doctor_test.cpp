// `veneer doctor` tells what there is on whatever host the test runs on.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;

class DoctorTest : public CliTest {
 protected:
  [[nodiscard]] std::vector<std::string> Doctor() const {
    return {"doctor", "--root", Path("state")};
  }
  static const nlohmann::json& CheckNamed(const nlohmann::json& report, const std::string& name) {
    const auto found = std::ranges::find_if(
        report.at("checks"), [&](const auto& check) { return check.at("name") == name; });
    EXPECT_NE(found, report.at("checks").end()) << name;
    return *found;
  }
};

TEST_F(DoctorTest, AgreesWithWhatIsThere) {
  const support::Outcome outcome =
      support::RunVeneer({"doctor", "--json", "--root", Path("state")});
  const nlohmann::json report = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.status, report.at("ok").get<bool>() ? 0 : 7);
  const bool fuse = CheckNamed(report, "fuse").at("ok").get<bool>();
  EXPECT_EQ(report.at("backends").at("user").get<bool>(), fuse);
  EXPECT_TRUE(!fuse || std::filesystem::exists("/dev/fuse"));
  EXPECT_EQ(report.at("backends").at("dm").get<bool>(),
            CheckNamed(report, "snapshot_target").at("ok").get<bool>() &&
                CheckNamed(report, "loop").at("ok").get<bool>());
  for (const auto& check : report.at("checks")) {
    EXPECT_FALSE(check.at("detail").get<std::string>().empty()) << check;
    EXPECT_TRUE(check.at("ok").get<bool>() || !check.at("hint").get<std::string>().empty())
        << check;
  }
}

TEST_F(DoctorTest, ChangesNothing) {
  const support::Outcome outcome = support::RunVeneer(Doctor());
  EXPECT_THAT(outcome.out, HasSubstr("backend user"));
  EXPECT_FALSE(std::filesystem::exists(Path("state")));
  EXPECT_TRUE(dir_.List().empty());
}

TEST_F(DoctorTest, WhatADiskTakesInTheKernelIsNoFaultOfTheHost) {
  const nlohmann::json report = nlohmann::json::parse(
      support::RunVeneer({"doctor", "--json", "--root", Path("state")}).out, nullptr, false);
  const nlohmann::json& memory = CheckNamed(report, "disk_memory");
  EXPECT_TRUE(memory.at("ok").get<bool>());
  const bool loaded =
      std::filesystem::exists("/sys/module/dm_mod/parameters/kcopyd_subjob_size_kb");
  EXPECT_EQ(memory.at("detail").get<std::string>().contains("KiB"), loaded) << memory;
}

TEST_F(DoctorTest, SharedBlocksAreFoundWhereTheFileSystemHasThem) {
  const nlohmann::json report = nlohmann::json::parse(
      support::RunVeneer({"doctor", "--json", "--root", "/proc"}).out, nullptr, false);
  const nlohmann::json& reflink = CheckNamed(report, "reflink");
  EXPECT_FALSE(reflink.at("ok").get<bool>());
  EXPECT_THAT(reflink.at("detail").get<std::string>(), HasSubstr("/proc"));
}

}  // namespace
}  // namespace veneer
