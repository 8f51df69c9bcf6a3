#include "api/guard.h"

#include <gtest/gtest.h>

#include "kernel/testing/temp_directory.h"

namespace veneer::api {
namespace {

class GuardTest : public ::testing::Test {
 protected:
  [[nodiscard]] unsigned Judge(const Credentials& credentials,
                               Access access = Access::kTrusted) const {
    if (const auto refusal = RefuseStranger(door_, credentials)) return refusal->status;
    const auto refusal = RefuseWithoutToken(door_, access, credentials);
    return refusal ? refusal->status : 200;
  }
  [[nodiscard]] std::string Authorization() const { return "Bearer " + token_->text(); }

  testing::TempDirectory directory_;
  Result<Token> token_ = Token::LoadOrMake(directory_ / "token");
  Door door_{.hosts = {"127.0.0.1:80", "localhost:80"}, .token = &*token_};
};

TEST_F(GuardTest, WhoNamesTheHostAndHasTheTokenMayAsk) {
  EXPECT_EQ(Judge({.hosts = {"LocalHost:80"}, .authorization = Authorization()}), 200U);
  EXPECT_EQ(Judge({.hosts = {"localhost:80"},
                   .origin = "http://localhost:80",
                   .authorization = Authorization()}),
            200U);
}

TEST_F(GuardTest, WithoutTheTokenOnlyWhatIsOpenMayBeAsked) {
  for (const std::string& wrong :
       {std::string(), std::string("Bearer "), "Bearer " + std::string(64, '0'),
        Authorization() + "0", Authorization().substr(0, 70), "Basic " + token_->text(),
        token_->text()}) {
    EXPECT_EQ(Judge({.hosts = {"localhost:80"}, .authorization = wrong}), 401U) << wrong;
    EXPECT_EQ(Judge({.hosts = {"localhost:80"}, .authorization = wrong}, Access::kAnybody), 200U);
  }
}

TEST_F(GuardTest, AnotherHostIsRefusedWhateverItHas) {
  for (const char* host : {"evil.example", "localhost", "localhost:81", "127.0.0.1", ""}) {
    EXPECT_EQ(Judge({.hosts = {host}, .authorization = Authorization()}), 421U) << host;
  }
  EXPECT_EQ(Judge({.authorization = Authorization()}), 400U);
  EXPECT_EQ(Judge({.hosts = {"localhost:80", "evil"}, .authorization = Authorization()}), 400U);
}

TEST_F(GuardTest, AnotherOriginIsRefusedEverywhere) {
  for (const char* origin :
       {"http://evil.example", "null", "", "https://localhost:80", "http://localhost:81"}) {
    const Credentials credentials{
        .hosts = {"localhost:80"}, .origin = origin, .authorization = Authorization()};
    EXPECT_EQ(Judge(credentials), 403U) << origin;
    EXPECT_TRUE(RefuseStranger({}, credentials)) << origin;
  }
}

TEST_F(GuardTest, AUnixSocketAsksForNoToken) {
  door_ = {};
  EXPECT_EQ(Judge({.hosts = {"anything"}}), 200U);
}

TEST(Guard, APageOffersTheTokenAsASubprotocol) {
  EXPECT_EQ(AuthorizationIn("veneer.exec.v1, veneer.token.ab12"), "Bearer ab12");
  EXPECT_EQ(AuthorizationIn("veneer.token.ab12 ,veneer.exec.v1"), "Bearer ab12");
  for (const char* none :
       {"", ",", " ", "veneer.exec.v1", "x-veneer.token.ab", ",,veneer.tokenab"}) {
    EXPECT_EQ(AuthorizationIn(none), "") << none;
  }
}

}  // namespace
}  // namespace veneer::api
