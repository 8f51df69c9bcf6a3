// Disks that nobody may write to.
#include <gmock/gmock.h>

#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

class ReadOnlyTest : public ScenarioTest {};

TEST_F(ReadOnlyTest, ADiskIsReadOnlyAsAFileAndAsABlockDevice) {
  MakeDisk(4);
  const std::string before = support::Sha256(store_);
  const Attached disk = Attach(Path("disk"), {"--read-only", "--block"});
  EXPECT_EQ(support::Sha256(disk.device), support::Sha256(origin_));
  EXPECT_EQ(MustRun({"blockdev", "--getro", disk.device}), "1\n");
  for (const std::string& target : {disk.path, disk.device}) {
    EXPECT_NE(
        support::Run({"dd", "if=/dev/zero", "of=" + target, "bs=4K", "count=1", "conv=notrunc"})
            .status,
        0);
  }
  Detach(disk.path);
  EXPECT_EQ(support::Sha256(store_), before);
}

TEST_F(ReadOnlyTest, SeveralMayReadOneStoreAndThenNobodyWrites) {
  MakeDisk(4);
  Attach(Path("one"), {"--read-only"});
  Attach(Path("two"), {"--read-only"});
  EXPECT_EQ(Veneer(AttachCommand(Path("three"))).status, 4);
  EXPECT_EQ(support::Sha256(Path("one")), support::Sha256(Path("two")));
  Detach(Path("one"));
  Detach(Path("two"));
}

}  // namespace
}  // namespace veneer::scenario
