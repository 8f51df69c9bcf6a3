#include "api/router.h"

#include <gtest/gtest.h>

#include "api/service.h"

namespace veneer::api {
namespace {

Result<Response> First(const Call& /*call*/) { return Response{}; }
Result<Response> Second(const Call& /*call*/) { return Response{}; }

const std::vector<Route> kRoutes{
    {.method = Method::kGet, .pattern = "/a", .handler = First},
    {.method = Method::kGet, .pattern = "/a/{id}", .handler = Second},
    {.method = Method::kPost, .pattern = "/a/{id}/b", .handler = First},
    {.method = Method::kDelete, .pattern = "/a/{id}", .handler = First, .query = {"force"}}};

TEST(Router, APathFindsItsHandlerAndWhatStandsForTheVariable) {
  EXPECT_EQ(FindRoute(kRoutes, Method::kGet, {"a"}).route, &kRoutes[0]);
  const Routed routed = FindRoute(kRoutes, Method::kGet, {"a", "web"});
  EXPECT_EQ(routed.route, &kRoutes[1]);
  EXPECT_EQ(routed.object, "web");
  EXPECT_EQ(FindRoute(kRoutes, Method::kPost, {"a", "web", "b"}).object, "web");
}

TEST(Router, AnotherPathIsNone) {
  for (const std::vector<std::string>& segments :
       {std::vector<std::string>{}, {"b"}, {"a", "x", "c"}, {"a", "x", "b", "y"}}) {
    const Routed routed = FindRoute(kRoutes, Method::kGet, segments);
    EXPECT_EQ(routed.route, nullptr);
    EXPECT_TRUE(routed.allowed.empty());
  }
}

TEST(Router, AnotherMethodLearnsWhichThereAre) {
  const Routed routed = FindRoute(kRoutes, Method::kPut, {"a", "web"});
  EXPECT_EQ(routed.route, nullptr);
  EXPECT_EQ(routed.allowed, (std::vector{Method::kGet, Method::kDelete}));
}

TEST(Router, AQueryHasOnlyNamesThatItsRouteKnows) {
  EXPECT_TRUE(RequireKnownQuery(kRoutes[3], {.query = {{"force", "true"}}}));
  const auto refused = RequireKnownQuery(kRoutes[3], {.query = {{"forse", "true"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUsage);
}

TEST(Routes, EachHasOneVariableAtMostAndAHandler) {
  for (const Route& route : Routes()) {
    EXPECT_NE(route.handler, nullptr) << route.pattern;
    EXPECT_EQ(route.pattern.find('{'), route.pattern.rfind('{')) << route.pattern;
  }
}

}  // namespace
}  // namespace veneer::api
