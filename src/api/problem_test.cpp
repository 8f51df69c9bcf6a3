#include "api/problem.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace veneer::api {
namespace {

TEST(Problem, EachKindHasAStatusOfItsOwn) {
  std::set<unsigned> statuses;
  for (const ErrorKind kind :
       {ErrorKind::kFailed, ErrorKind::kUsage, ErrorKind::kNotFound, ErrorKind::kConflict,
        ErrorKind::kNoSpace, ErrorKind::kCorrupt, ErrorKind::kUnsupported}) {
    statuses.insert(StatusOf(kind));
  }
  EXPECT_EQ(statuses.size(), 7U);
}

TEST(Problem, SaysWhatHappenedAndWhatToDo) {
  const Response response = ProblemOf({ErrorKind::kConflict, 0, "it is paused", "resume it first"});
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto json = nlohmann::json::parse(response.body);
  EXPECT_EQ(json.at("kind"), "conflict");
  EXPECT_EQ(json.at("status"), 409);
  EXPECT_EQ(json.at("detail"), "it is paused");
  EXPECT_EQ(json.at("hint"), "resume it first");
}

TEST(Problem, BytesThatAreNoTextDoNotBreakIt) {
  const Response response = ProblemOf({ErrorKind::kNotFound, 0, "the file \xff", ""});
  const auto json = nlohmann::json::parse(response.body);
  EXPECT_FALSE(json.at("hint").get<std::string>().empty());
}

TEST(Problem, AMethodThatIsMissingNamesTheOthers) {
  const Response response = MethodNotAllowed({Method::kGet, Method::kDelete});
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Allow");
  EXPECT_EQ(response.headers[0].second, "GET, HEAD, DELETE");
}

}  // namespace
}  // namespace veneer::api
