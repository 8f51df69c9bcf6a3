#include "catalog/records.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(RecordsTest, EveryStateHasANameThatIsReadBack) {
  for (const SandboxState state : kSandboxStates) {
    EXPECT_FALSE(StateName(state).empty());
    EXPECT_EQ(StateNamed(StateName(state)), state);
  }
  EXPECT_EQ(StateName(SandboxState::kPausing), "pausing");
}

TEST(RecordsTest, EveryKindHasANameThatIsReadBack) {
  EXPECT_EQ(KindName(TemplateKind::kImage), "image");
  EXPECT_EQ(KindName(TemplateKind::kSnapshot), "snapshot");
  for (const TemplateKind kind : {TemplateKind::kImage, TemplateKind::kSnapshot}) {
    EXPECT_EQ(KindNamed(KindName(kind)), kind);
  }
}

TEST(RecordsTest, OtherTextsAreNoNames) {
  for (const char* text : {"", "Paused", "paused ", "image", "pau"}) {
    EXPECT_EQ(StateNamed(text), std::nullopt) << text;
  }
  for (const char* text : {"", "images", "running"}) {
    EXPECT_EQ(KindNamed(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace veneer
