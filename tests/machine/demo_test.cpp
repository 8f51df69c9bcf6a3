// The demo to its very end, on the cached template: as if an earlier run had built it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;

class DemoMachineTest : public MachinesTest {
 protected:
  // A file of the template "debian": ".img", ".kernel", ".initrd".
  void Lend(const std::string& id, const std::string& ending, const std::string& name) const {
    for (const auto& entry : fs::directory_iterator(root_ + "/templates")) {
      if (entry.path().filename() == id + ending) {
        fs::create_symlink(entry.path(), fs::path(Path("work")) / name);
      }
    }
    EXPECT_TRUE(fs::exists(fs::path(Path("work")) / name)) << ending;
  }
};

TEST_F(DemoMachineTest, ItsTemplateBootsIsPausedAndForked) {
  if (fs::space(dir_.path()).available < (std::uintmax_t{7} << 30U)) {
    GTEST_SKIP() << "the demo needs 6 GiB of room";
  }
  const std::string id = Ok({"template", "show", "debian"}).at("id");
  fs::create_directory(Path("work"));
  Lend(id, ".img", "template.img");
  Lend(id, ".kernel", "kernel");
  Lend(id, ".initrd", "initrd");
  std::ofstream(fs::path(Path("work")) / "template.txt") << "cached";
  const support::Outcome outcome =
      support::Run({support::Program(), "demo", "--work", Path("work"), "--run", run_, "--json"},
                   {.timeout = std::chrono::minutes(10)});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json machine = json::parse(outcome.out).at("machine");
  EXPECT_TRUE(machine.contains("fork_ms")) << machine;
  EXPECT_GT(machine.at("boot_ms"), 0);
}

}  // namespace
}  // namespace veneer::lifecycle
