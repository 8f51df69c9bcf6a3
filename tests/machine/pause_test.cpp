// Machines that are paused, go on, are forked and made snapshots of.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class PauseTest : public MachinesTest {
 protected:
  // Files that never change and are the memory of more than one machine: how many have each.
  [[nodiscard]] std::map<std::string, int> SharedMemories() const {
    std::map<std::string, int> users;
    for (const pid_t machine : Machines()) {
      std::ifstream maps("/proc/" + std::to_string(machine) + "/maps");
      for (std::string range, access, at, device, file, line; std::getline(maps, line);) {
        if (!line.contains(".base")) continue;
        std::istringstream(line) >> range >> access >> at >> device >> file;
        EXPECT_EQ(access, "rw-p") << line;
        ++users[device + " " + file];
      }
    }
    std::erase_if(users, [](const auto& each) { return each.second < 2; });
    return users;
  }
};

TEST_F(PauseTest, AProcessGoesOnFromWhereItWasAndFilesAreThere) {
  Boot("one");
  StartCounter("one");
  Said("one", "echo kept >/root/file; sync /root/file");
  EXPECT_TRUE(support::Eventually([&] { return Counted("one") > 3; }, std::chrono::minutes(1)));
  const json paused = Ok({"pause", "one"});
  EXPECT_EQ(paused.at("machine").at("state"), "saved");
  EXPECT_TRUE(paused.at("timings_ms").contains("save")) << paused;
  EXPECT_THAT(Machines(), IsEmpty());
  EXPECT_THAT(Keepers(), IsEmpty());
  EXPECT_THAT(Servers(), IsEmpty());
  EXPECT_THAT(Refused(4, {"exec", "one", "--", "true"}), HasSubstr("paused"));
  Ok({"resume", "one"});
  const long before = Counted("one");
  EXPECT_GT(before, 3);
  EXPECT_TRUE(
      support::Eventually([&] { return Counted("one") > before; }, std::chrono::minutes(1)));
  EXPECT_EQ(Said("one", "cat /root/file"), "kept\n");
  const long now = std::strtol(Said("one", "date +%s").c_str(), nullptr, 10);
  EXPECT_NEAR(static_cast<double>(now), static_cast<double>(::time(nullptr)), 60);
}

TEST_F(PauseTest, ASecondPauseIsAsGoodAsTheFirst) {
  Boot("one");
  StartCounter("one");
  for (int round = 0; round < 3; ++round) {
    const long before = Counted("one");
    Ok({"pause", "one"});
    Ok({"resume", "one"});
    EXPECT_GE(Counted("one"), before);
  }
}

TEST_F(PauseTest, ForksOfARunningMachineGoOnEachByItself) {
  Boot("one");
  StartCounter("one");
  Said("one", "echo both >/root/file");
  const json forks = Ok({"fork", "one", "--count", "2"});
  ASSERT_THAT(forks, SizeIs(2));
  EXPECT_THAT(SharedMemories(), ElementsAre(Pair(_, 2))) << "though their parent's is its own";
  std::set<std::string> identities;
  for (const std::string& name : {std::string("one"), forks[0].at("id").get<std::string>(),
                                  forks[1].at("id").get<std::string>()}) {
    EXPECT_EQ(Said(name, "cat /root/file"), "both\n");
    const long before = Counted(name);
    EXPECT_TRUE(
        support::Eventually([&] { return Counted(name) > before; }, std::chrono::minutes(1)));
    Said(name, "echo mine >/root/file");
    identities.insert(Said(name, "cat /etc/machine-id; cat /proc/sys/kernel/hostname"));
    identities.insert(Said(name, "head -c 16 /dev/urandom | sha256sum"));
  }
  EXPECT_THAT(identities, SizeIs(6));
  const std::string fork = forks[0].at("id");
  Ok({"pause", fork});
  Ok({"resume", fork});
  EXPECT_GT(Counted(fork), 0);
  const std::string later = Ok({"fork", fork})[0].at("id");
  EXPECT_EQ(Said(later, "cat /root/file"), "mine\n");
}

TEST_F(PauseTest, SandboxesOfOneSnapshotShareItsMemory) {
  Boot("one");
  Said("one", "echo one >/run/in-memory");
  Ok({"snapshot", "create", "one", "--name", "second"});
  Ok({"destroy", "one"});
  for (const char* name : {"two", "three"}) {
    Ok({"create", "second", "--boot", "--name", name, "--backend", Backend()});
    EXPECT_EQ(Said(name, "cat /run/in-memory"), "one\n");
  }
  EXPECT_THAT(SharedMemories(), ElementsAre(Pair(_, 2)));
}

TEST_F(PauseTest, ASnapshotStartsFromItsMoment) {
  Boot("one");
  StartCounter("one");
  EXPECT_TRUE(support::Eventually([&] { return Counted("one") > 1; }, std::chrono::minutes(1)));
  Ok({"snapshot", "create", "one", "--name", "counting"});
  Ok({"destroy", "one"});
  Ok({"create", "counting", "--boot", "--name", "two", "--backend", Backend()});
  const long before = Counted("two");
  EXPECT_GT(before, 1);
  EXPECT_TRUE(
      support::Eventually([&] { return Counted("two") > before; }, std::chrono::minutes(1)));
  EXPECT_EQ(Said("two", "cat /proc/sys/kernel/hostname"), "two\n");
}

TEST_F(PauseTest, ADiskWithoutAMachineHasNoCommands) {
  Ok({"create", "debian", "--name", "disk", "--backend", Backend()});
  Refused(4, {"exec", "disk", "--", "true"});
  Refused(4, {"logs", "disk"});
}

}  // namespace
}  // namespace veneer::lifecycle
