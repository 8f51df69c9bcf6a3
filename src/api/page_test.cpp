// The page's files as a browser gets them.
#include "api/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "api/front.h"

namespace veneer::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Head Get(const std::string& target) {
  return {.method = "GET", .target = target, .credentials = {.hosts = {"localhost"}}};
}

std::string HeaderOf(const Response& response, std::string_view name) {
  const auto at =
      std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
  return at == response.headers.end() ? "" : at->second;
}

TEST(PageTest, HasNothingInlineAndNothingFromElsewhere) {
  const auto page = PageFile("index.html");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->content_type, HasSubstr("text/html"));
  EXPECT_THAT(HeaderOf(*page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(HeaderOf(*page, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  for (const char* bad : {" style=", "<style", "onclick", "http://", "https://"}) {
    EXPECT_THAT(page->body, Not(HasSubstr(bad)));
  }
}

TEST(PageTest, IsAtTwoPathsAndItsFilesBelowOne) {
  for (const char* path : {"/", "/test", "/page/main.js", "/page/page.css", "/page/icon.svg"}) {
    EXPECT_TRUE(std::holds_alternative<Admitted>(Admit({}, Get(path)))) << path;
  }
  EXPECT_TRUE(PageFile("main.js"));
}

TEST(PageTest, WhatIsNoFileOfItIsNotServed) {
  for (const char* name : {"openapi.json", "none.js", "", ".js"}) {
    const auto file = PageFile(name);
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().kind, ErrorKind::kNotFound);
  }
}

TEST(PageTest, NeedsNoTokenWhereAllElseDoes) {
  const std::string directory = ::testing::TempDir();
  const std::string path = directory + "/page-test.token";
  const auto token = Token::LoadOrMake(path);
  ASSERT_TRUE(token);
  const Door door{.hosts = {"localhost"}, .token = &*token};
  EXPECT_TRUE(std::holds_alternative<Admitted>(Admit(door, Get("/"))));
  EXPECT_TRUE(std::holds_alternative<Admitted>(Admit(door, Get("/page/main.js"))));
  const auto refused = Admit(door, Get("/v1/sandboxes"));
  ASSERT_TRUE(std::holds_alternative<Response>(refused));
  EXPECT_EQ(std::get<Response>(refused).status, 401U);
  EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST(PageTest, IsOnlyToBeRead) {
  Head head = Get("/");
  head.method = "POST";
  const auto refused = Admit({}, head);
  ASSERT_TRUE(std::holds_alternative<Response>(refused));
  EXPECT_EQ(std::get<Response>(refused).status, 405U);
}

}  // namespace
}  // namespace veneer::api
