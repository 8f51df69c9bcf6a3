#include "api/paging.h"

#include <gtest/gtest.h>

namespace veneer::api {
namespace {

SandboxRecord Sandbox(const std::string& id, int created) {
  return {.id = id, .created_at = Timestamp(std::chrono::milliseconds(created))};
}

const std::vector<SandboxRecord> kAll{Sandbox("sb-2", 1), Sandbox("sb-1", 5), Sandbox("sb-3", 5)};

std::vector<std::string> IdsOf(const Page<SandboxRecord>& page) {
  std::vector<std::string> ids;
  ids.reserve(page.records.size());
  for (const auto& each : page.records) ids.push_back(each.id);
  return ids;
}

using Ids = std::vector<std::string>;

TEST(Paging, PagesFollowEachOtherWithoutGapOrRepetition) {
  const auto first = PageOf(kAll, {.limit = 2});
  EXPECT_EQ(IdsOf(first), (Ids{"sb-2", "sb-1"}));
  ASSERT_TRUE(first.next);
  const auto second = PageOf(kAll, {.limit = 2, .after = *first.next});
  EXPECT_EQ(IdsOf(second), (Ids{"sb-3"}));
  EXPECT_FALSE(second.next);
  EXPECT_FALSE(PageOf(kAll, {.limit = 3}).next);
}

TEST(Paging, ACursorMeansTheSameWhenItsElementHasGone) {
  const std::string cursor = CursorOf(kAll[1]);
  const std::vector<SandboxRecord> left{kAll[0], kAll[2]};
  EXPECT_EQ(IdsOf(PageOf(left, {.limit = 10, .after = cursor})), (Ids{"sb-3"}));
}

TEST(Paging, ALimitIsFromOneToAThousand) {
  EXPECT_EQ(PagingIn({})->limit, 100U);
  EXPECT_EQ(PagingIn({.query = {{"limit", "1000"}}})->limit, 1000U);
  for (const char* text : {"", "0", "1001", "-1", "x", "1 ", "99999999999999999999"}) {
    EXPECT_FALSE(PagingIn({.query = {{"limit", text}}})) << text;
  }
}

}  // namespace
}  // namespace veneer::api
