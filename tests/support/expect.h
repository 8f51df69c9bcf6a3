// What tests of several rooms expect, and the data that they write.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

#include "base/result.h"

namespace veneer::support {

// EXPECT_TRUE(Succeeds(result)): shows the error where there is one.
template <class T>
::testing::AssertionResult Succeeds(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().what << " (" << result.error().hint << ")";
}

// `size` bytes without a pattern that a wrong offset could repeat; the same for the same seed.
inline std::string Pattern(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  std::ranges::generate(text, [&] { return static_cast<char>(random()); });
  return text;
}

}  // namespace veneer::support
