// What killed servers leave behind, and `veneer gc`, which takes it away and nothing else.
#include <gmock/gmock.h>

#include <filesystem>

#include "scenario/scenario.h"
#include "support/opener.h"

namespace veneer::scenario {
namespace {

using support::Outcome;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class GcTest : public ScenarioTest {};

TEST_F(GcTest, TakesADeadServersDiskAwayAndLeavesALivingOne) {
  MakeDisk(2);
  Ok({"cow", "create", Path("other.cow"), "--origin", origin_});
  const Attached dead = Attach(Path("dead"), {"--block"});
  Ok({"cow", "attach", Path("other.cow"), "--origin", origin_, "--at", Path("alive")});
  Kill(ServerOf(dead.path));

  const std::string looked = Ok({"gc", "--dry-run", "--json"});
  EXPECT_THAT(looked, HasSubstr(dead.path));
  EXPECT_THAT(Loops(), Not(IsEmpty()));

  const std::string removed = Ok({"gc", "--json"});
  EXPECT_THAT(removed, HasSubstr("\"object\":\"disk " + dead.path));
  EXPECT_THAT(removed, HasSubstr("\"adopted\":[\"" + Path("alive") + "\"]"));
  EXPECT_THAT(Loops(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(dead.path));
  EXPECT_EQ(support::ReadHead(Path("alive"), 2), "oo");
  Detach(Path("alive"));
  ExpectStoreIsSound();
}

TEST_F(GcTest, LeavesADeadServersDeviceThatIsOpenAndSaysSo) {
  MakeDisk(2);
  const Attached disk = Attach(Path("disk"), {"--block"});
  {
    const support::Opener opener(disk.device);
    Kill(ServerOf(disk.path));
    const Outcome refused = Veneer({"gc"});
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(refused.out, HasSubstr(opener.Name()));
  }
  Ok({"gc"});
}

TEST_F(GcTest, FindsNothingWhereNothingWasEverAttached) {
  EXPECT_EQ(Ok({"gc"}), "0 disks are attached and well\n");
  EXPECT_FALSE(std::filesystem::exists(run_));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "root"));
}

TEST_F(GcTest, TakesAwayASocketWhoseServerDiedBeforeItHadARecord) {
  MakeDisk(1);
  Detach(Attach(Path("disk")).path);
  support::WriteFile(run_ + "/disks/0123456789abcdef.sock", "");
  support::WriteFile(run_ + "/disks/0123456789abcdef.log", "");
  Ok({"gc"});
  EXPECT_THAT(RunFiles(), IsEmpty());
}

}  // namespace
}  // namespace veneer::scenario
