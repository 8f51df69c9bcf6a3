#include "sandbox/transitions.h"

#include <gmock/gmock.h>

#include <array>
#include <map>
#include <set>

namespace veneer {
namespace {

using ::testing::HasSubstr;
using enum SandboxState;

constexpr std::array kVerbs{Verb::kPause, Verb::kResume, Verb::kDestroy, Verb::kFork,
                            Verb::kSnapshot};
constexpr std::array kStates{kCreating, kRunning,    kPausing, kPaused,
                             kResuming, kDestroying, kFailed};

SandboxRecord In(SandboxState state) {
  return {.id = "sb-01234567", .state = state, .reason = "its store is missing"};
}

TEST(TransitionsTest, EachVerbIsLegalInItsStatesOnly) {
  const std::map<Verb, std::set<SandboxState>> legal{{Verb::kPause, {kRunning}},
                                                     {Verb::kResume, {kPaused}},
                                                     {Verb::kDestroy, {kRunning, kPaused, kFailed}},
                                                     {Verb::kFork, {kRunning, kPaused}},
                                                     {Verb::kSnapshot, {kRunning, kPaused}}};
  for (const Verb verb : kVerbs) {
    for (const SandboxState state : kStates) {
      const auto begun = Begin(verb, In(state));
      EXPECT_EQ(begun.has_value(), legal.at(verb).contains(state))
          << VerbName(verb) << " in " << StateName(state);
      if (!begun) {
        EXPECT_EQ(begun.error().kind, ErrorKind::kConflict);
      }
    }
  }
}

TEST(TransitionsTest, ARefusalSaysWhatItIsAndWhatToDo) {
  const auto refused = Begin(Verb::kResume, In(kRunning));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "cannot resume sb-01234567: it is running");
  EXPECT_EQ(refused.error().hint, "it runs already: there is nothing to do");
  EXPECT_THAT(Begin(Verb::kPause, In(kFailed)).error().hint, HasSubstr("its store is missing"));
  EXPECT_THAT(Begin(Verb::kPause, In(kResuming)).error().hint, HasSubstr("veneer recover"));
}

}  // namespace
}  // namespace veneer
