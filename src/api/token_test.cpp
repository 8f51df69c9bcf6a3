#include "api/token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "kernel/testing/temp_directory.h"

namespace veneer::api {
namespace {

namespace fs = std::filesystem;

class TokenTest : public ::testing::Test {
 protected:
  testing::TempDirectory directory_;
  std::string path_ = directory_ / "token";
};

TEST_F(TokenTest, IsMadeOnceForItsOwnerAlone) {
  const auto made = Token::LoadOrMake(path_);
  ASSERT_TRUE(made) << made.error().what;
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const auto again = Token::LoadOrMake(path_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), made->text());
  EXPECT_TRUE(made->Matches("Bearer " + again->text()));
}

TEST_F(TokenTest, AFileThatOthersMayReadIsRefused) {
  ASSERT_TRUE(Token::LoadOrMake(path_));
  fs::permissions(path_, fs::perms::group_read, fs::perm_options::add);
  const auto refused = Token::LoadOrMake(path_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("others may know"), std::string::npos);
}

TEST_F(TokenTest, AFileWithoutATokenIsRefused) {
  for (const std::string& text : {std::string(), std::string("secret"), std::string(64, 'x')}) {
    std::ofstream(path_) << text;
    fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write);
    const auto refused = Token::LoadOrMake(path_);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  }
}

TEST_F(TokenTest, ALinkIsNotFollowed) {
  ASSERT_TRUE(Token::LoadOrMake(directory_ / "other"));
  fs::create_symlink(directory_ / "other", path_);
  EXPECT_FALSE(Token::LoadOrMake(path_));
}

}  // namespace
}  // namespace veneer::api
