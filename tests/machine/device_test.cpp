// A machine on a device of the kernel's snapshot target: in a guest, where the machine is emulated
// by what is emulated itself. All it does is done there a hundred times slower than on a CPU.
#include <gmock/gmock.h>

#include <string>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr auto kPatience = std::chrono::minutes(5);

class DeviceMachineTest : public MachinesTest {
 protected:
  void ExpectItsDiskIsADevice() {
    const json sandbox = Show("one");
    EXPECT_THAT(sandbox.at("path").get<std::string>(), StartsWith("/dev/mapper/"));
    EXPECT_THAT(Devices(), ElementsAre("veneer-" + sandbox.at("id").get<std::string>()));
  }
};

TEST_F(DeviceMachineTest, ItRunsIsPausedAndGoesOn) {
  Boot("one");
  ExpectItsDiskIsADevice();
  EXPECT_EQ(Exec("one", {"sh", "-c", "echo out; echo err >&2; exit 7"}).status, 7);
  Said("one", "echo kept >/root/file; sync /root/file");
  StartCounter("one");
  Ok({"pause", "one"});
  EXPECT_THAT(Machines(), IsEmpty());
  EXPECT_THAT(Keepers(), IsEmpty());
  EXPECT_THAT(Devices(), IsEmpty());
  EXPECT_TRUE(support::Eventually([&] { return LoopFiles().empty(); }, kPatience));
  Ok({"resume", "one"});
  ExpectItsDiskIsADevice();
  const long before = Counted("one");
  EXPECT_GT(before, 0);
  EXPECT_TRUE(support::Eventually([&] { return Counted("one") > before; }, kPatience));
  EXPECT_EQ(Said("one", "cat /root/file"), "kept\n");
  Ok({"destroy", "one"});
  EXPECT_THAT(Machines(), IsEmpty());
  EXPECT_THAT(Devices(), IsEmpty());
}

}  // namespace
}  // namespace veneer::lifecycle
