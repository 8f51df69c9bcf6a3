// The bar of long work: on a terminal, and nowhere else.
#include <gmock/gmock.h>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;

class ProgressTest : public CliTest {
 protected:
  void SetUp() override {
    support::WriteFile(Path("data.img"), std::string(std::size_t{4} << 20U, 'd'));
  }

  // On a terminal of its own, with both outputs in `out`.
  [[nodiscard]] Outcome OnATerminal(const std::string& options) const {
    return support::Run({"script", "-qec",
                         support::Program() + " --root " + Path("root") + " template import " +
                             options + " " + Path("data.img") + " --reserve 64K",
                         "/dev/null"});
  }
};

TEST_F(ProgressTest, LongWorkShowsABarOnATerminal) {
  const Outcome outcome = OnATerminal("one");
  EXPECT_EQ(outcome.status, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("import  ["));
}

TEST_F(ProgressTest, JsonAndTheLogHaveTheTerminalForThemselves) {
  EXPECT_THAT(OnATerminal("--json one").out, Not(HasSubstr("import  [")));
  EXPECT_THAT(OnATerminal("--log-level info two").out, Not(HasSubstr("import  [")));
}

TEST_F(ProgressTest, ElsewhereThereIsNone) {
  // Ok expects nothing on standard error.
  Ok({"--root", Path("root"), "template", "import", "one", Path("data.img"), "--reserve", "64K"});
}

}  // namespace
}  // namespace veneer
