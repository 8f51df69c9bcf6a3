// What is left after the end of all servers and devices, as after that of the host.
#include <gmock/gmock.h>

#include <filesystem>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

using ::testing::HasSubstr;

class RebootTest : public SandboxesTest {
 protected:
  // Nothing is in the kernel or in any process any more, and nobody has been asked.
  void EndAll() const {
    for (const pid_t server : Servers()) EXPECT_TRUE(Kill(server));
    for (const std::string& device : Devices()) {
      EXPECT_EQ(support::Run({"dmsetup", "remove", device}).status, 0) << device;
    }
  }
};

TEST_F(RebootTest, AfterARebootAllArePausedWithWhatWasFlushed) {
  Create("web");
  Create("db");
  Write(DiskOf("web"), 1, 'w');
  Ok({"pause", "db"});
  EndAll();
  const json report = Ok({"recover"});
  ASSERT_EQ(report.at("changed").size(), 1U) << report;
  EXPECT_EQ(StateOf("web"), "paused");
  EXPECT_THAT(Show("web").at("reason").get<std::string>(), HasSubstr("by itself"));
  EXPECT_EQ(StateOf("db"), "paused");
  std::filesystem::remove_all(run_);
  Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 1), 'w');
  EXPECT_EQ(Ok({"recover"}).at("changed"), json::array());
}

}  // namespace
}  // namespace veneer::lifecycle
