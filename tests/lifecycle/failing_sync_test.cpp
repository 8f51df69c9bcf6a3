// A host that cannot sync: each verb, with each of its syncs failing, in whichever thread. What it
// could not make durable it does not say to be done.
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>
#include <iostream>

#include "lifecycle/verb_cases.h"
#include "support/step_by_step.h"

namespace veneer::lifecycle {
namespace {

using support::CallAtHand;
using support::Outcome;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

class FailingSyncTest : public VerbTest {
 protected:
  // SQLite syncs the catalog's directory, too, and does not look how that went.
  [[nodiscard]] bool IsOurs(const CallAtHand& sync) const {
    const std::string descriptor =
        "/proc/" + std::to_string(sync.thread) + "/fd/" + std::to_string(sync.arguments[0]);
    return std::filesystem::read_symlink(descriptor) != root_;
  }

  // Has the sync of that number fail. Yields whether there was one.
  bool Fail(unsigned number) const {
    unsigned syncs = 0;
    const Outcome outcome = support::RunWithFailures(
        Verb(), {SYS_fsync, SYS_fdatasync},
        [&](const CallAtHand& call) { return IsOurs(call) && ++syncs == number ? EIO : 0; });
    if (syncs < number) {
      EXPECT_EQ(outcome.status, 0) << outcome.err;
      return false;
    }
    constexpr int kLastStatus = 7;
    EXPECT_THAT(outcome.status, AllOf(Ge(1), Le(kLastStatus))) << outcome.out;
    EXPECT_THAT(outcome.err, AnyOf(HasSubstr("Input/output error"), HasSubstr("I/O error")));
    return true;
  }
};

TEST_P(FailingSyncTest, IsReportedAndTheVerbHasNotBegunOrIsDone) {
  unsigned syncs = 0;
  for (bool failed = true; failed;) {
    SCOPED_TRACE("sync " + std::to_string(syncs + 1));
    Prepare();
    failed = Fail(syncs + 1);
    if (failed) ++syncs;
    ExpectNotBegunOrDone();
    CleanUp();
    ASSERT_FALSE(HasFailure());
  }
  std::cout << GetParam().verb << ": each of " << syncs << " syncs failed once\n";
  // After a power cut a disk is paused, whether it was resumed or not.
  const bool promises = GetParam().verb != std::string("resume");
  EXPECT_EQ(syncs > 0, promises);
}

INSTANTIATE_TEST_SUITE_P(Verbs, FailingSyncTest, ::testing::ValuesIn(EachVerb()), NameOfVerb);

}  // namespace
}  // namespace veneer::lifecycle
