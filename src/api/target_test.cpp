#include "api/target.h"

#include <gtest/gtest.h>

namespace veneer::api {
namespace {

using Segments = std::vector<std::string>;

TEST(Target, PathAndQueryAreTakenApart) {
  const auto target = DecodeTarget("/v1/sandboxes/we%62?force=true&after=a%20b&empty=");
  ASSERT_TRUE(target) << target.error().what;
  EXPECT_EQ(target->segments, (Segments{"v1", "sandboxes", "web"}));
  EXPECT_EQ(target->query.at("force"), "true");
  EXPECT_EQ(target->query.at("after"), "a b");
  EXPECT_EQ(target->query.at("empty"), "");
}

TEST(Target, TheRootHasNoParts) {
  const auto target = DecodeTarget("/");
  ASSERT_TRUE(target);
  EXPECT_TRUE(target->segments.empty());
}

TEST(Target, WhatCouldMeanAnotherPathIsRefused) {
  for (const char* text : {"", "v1", "*", "http://host/v1", "/v1/../etc", "/v1/./x", "/v1/%2e%2e/x",
                           "/v1//x", "/v1/", "/v1/a%2fb", "/v1/%00", "/v1/%", "/v1/%4", "/v1/%zz",
                           "/v1/%+1", "/v1/\x01", "/v1/%ff", "/v1/x?a=1&a=2", "/v1/x?a=%0a"}) {
    const auto target = DecodeTarget(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().kind, ErrorKind::kUsage) << text;
  }
  EXPECT_FALSE(DecodeTarget("/" + std::string(5000, 'a')));
}

}  // namespace
}  // namespace veneer::api
