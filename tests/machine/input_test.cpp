// Machines that are saved while somebody types into them: what was typed is in the memory and the
// devices' state that go together, or in neither.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

using ::testing::SizeIs;

class InputTest : public MachinesTest {
 protected:
  // Somebody who types without an end into a command that reads all of it. A group of processes.
  [[nodiscard]] std::vector<std::string> Typing() const {
    std::string command;
    for (const std::string& word :
         Command({"exec", "one", "--stdin", "--", "sh", "-c", "echo begun; exec cat >/dev/null"})) {
      command += " '" + word + "'";
    }
    return {"setsid", "sh", "-c", "while echo typed; do :; done 2>/dev/null |" + command};
  }
  // How often, or so many times with VENEER_STORM.
  static int Rounds(int some, int storm) {
    return std::getenv("VENEER_STORM") != nullptr ? storm : some;
  }
  // How many commands that read are there.
  [[nodiscard]] std::string Readers(const std::string& name) const {
    return Said(name, "grep -lx cat /proc/[0-9]*/comm 2>/dev/null | wc -l");
  }
};

TEST_F(InputTest, AMachineThatIsPausedWhileSomebodyTypesGoesOn) {
  Boot("one");
  StartCounter("one");
  for (int round = 0; round < Rounds(2, 20); ++round) {
    SCOPED_TRACE(round);
    support::Child typist(Typing());
    ASSERT_TRUE(typist.WaitForOutput("begun", std::chrono::minutes(1)));
    const long before = Counted("one");
    Ok({"pause", "one"});
    // Its machine has gone: so has its command.
    EXPECT_NE(typist.Wait(std::chrono::minutes(1)).status, 0);
    const json resumed = Ok({"resume", "one"});
    EXPECT_FALSE(resumed.contains("warnings")) << resumed;
    EXPECT_GE(Counted("one"), before);
  }
}

TEST_F(InputTest, AForkWhileSomebodyTypesDisturbsNobody) {
  Boot("one");
  StartCounter("one");
  support::Child typist(Typing());
  ASSERT_TRUE(typist.WaitForOutput("begun", std::chrono::minutes(1)));
  for (int round = 0; round < Rounds(2, 10); ++round) {
    SCOPED_TRACE(round);
    const json forks = Ok({"fork", "one", "--count", "2"});
    ASSERT_THAT(forks, SizeIs(2));
    for (const json& fork : forks) {
      const std::string name = fork.at("id");
      const long before = Counted(name);
      EXPECT_GT(before, 0);
      EXPECT_TRUE(
          support::Eventually([&] { return Counted(name) > before; }, std::chrono::minutes(1)));
      Ok({"destroy", name});
    }
    EXPECT_EQ(Readers("one"), "1\n") << "the parent's command goes on";
  }
  ASSERT_GT(typist.pid(), 1);
  ::kill(-typist.pid(), SIGKILL);  // its group
  typist.Wait(std::chrono::minutes(1));
}

}  // namespace
}  // namespace veneer::lifecycle
