#include "cow/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace veneer {
namespace {

using Page = PagePool::Page;

bool IsZero(const Page& page) {
  return std::ranges::all_of(page, [](const auto& word) { return word.load() == 0; });
}

void Fill(Page& page, std::uint32_t value) {
  for (auto& word : page) word = value;
}

TEST(PagePoolTest, GivesEachPageOnceAndAllZero) {
  PagePool pool;
  std::vector<Page*> first(100);
  std::vector<Page*> second(33);
  pool.Take(first);
  pool.Take(second);
  std::set<Page*> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(all.size(), 133U);
  for (const Page* page : all) ASSERT_TRUE(IsZero(*page));
}

TEST(PagePoolTest, WhatWasGivenBackIsTakenAgainAsZeros) {
  PagePool pool;
  std::vector<Page*> pages(64);
  pool.Take(pages);
  const std::size_t before = pool.pages();
  for (int round = 0; round < 100; ++round) {
    for (Page* page : pages) Fill(*page, 0xffffffff);
    pool.GiveBack(pages);
    pool.Take(pages);
    for (const Page* page : pages) ASSERT_TRUE(IsZero(*page));
  }
  EXPECT_EQ(pool.pages(), before);
}

TEST(PagePoolTest, ThreadsNeverHaveTheSamePage) {
  PagePool pool;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (std::size_t me = 1; me <= 4; ++me) {
    threads.emplace_back([&pool, me] {
      std::vector<Page*> pages(7 * me);
      for (int round = 0; round < 2'000; ++round) {
        pool.Take(pages);
        for (Page* page : pages) Fill(*page, static_cast<std::uint32_t>(me));
        for (const Page* page : pages) {
          ASSERT_TRUE(std::ranges::all_of(*page, [&](const auto& word) { return word == me; }));
        }
        pool.GiveBack(pages);
      }
    });
  }
  threads.clear();
  EXPECT_LE(pool.pages(), 7U * (1 + 2 + 3 + 4) + 32);
}

}  // namespace
}  // namespace veneer
