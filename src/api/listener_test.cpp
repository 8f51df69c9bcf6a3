#include "api/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "kernel/testing/temp_directory.h"

namespace veneer::api {
namespace {

namespace fs = std::filesystem;

class ListenerTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Listener> Open() const { return Listener::Open({.path = path_}); }

  testing::TempDirectory directory_;
  std::string path_ = directory_ / "api.sock";
};

TEST(ListenAddress, IsAPathOrALoopbackPort) {
  EXPECT_EQ(ParseListenAddress("unix:/run/x")->path, "/run/x");
  EXPECT_EQ(ParseListenAddress("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(ParseListenAddress("[::1]:0")->ip, "::1");
  for (const char* text :
       {"", "8080", "unix:", "unix:x", "unix:/x/", "0.0.0.0:80", "example.org:80",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", ":80"}) {
    const auto refused = ParseListenAddress(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().kind, ErrorKind::kUsage) << text;
  }
}

TEST_F(ListenerTest, ASocketIsForItsOwnerAndGroupAndGoesWithIt) {
  {
    const auto listener = Open();
    ASSERT_TRUE(listener) << listener.error().what;
    EXPECT_EQ(listener->name(), "unix:" + path_);
    EXPECT_TRUE(listener->hosts().empty());
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0660U);
  }
  EXPECT_TRUE(fs::is_empty(fs::path(path_).parent_path()));
}

TEST_F(ListenerTest, OneThatIsServedIsLeftAlone) {
  const auto first = Open();
  ASSERT_TRUE(first);
  const auto second = Open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  // Also where its owner knows nothing of the lock.
  fs::remove(path_ + ".lock");
  EXPECT_EQ(Open().error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ListenerTest, OneThatAKilledDaemonLeftIsReplaced) {
  {
    auto killed = Open();
    ASSERT_TRUE(killed);
    fs::rename(path_, path_ + ".left");
  }
  fs::rename(path_ + ".left", path_);
  std::ofstream(path_ + ".lock").put(0);
  fs::resize_file(path_ + ".lock", 0);
  const auto listener = Open();
  EXPECT_TRUE(listener) << listener.error().what;
}

TEST_F(ListenerTest, AFileIsNeverReplaced) {
  std::ofstream(path_) << "data";
  const auto refused = Open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(fs::file_size(path_), 4U);
}

TEST_F(ListenerTest, APortIsFoundAndNamed) {
  const auto listener = Listener::Open({.ip = "127.0.0.1", .port = 0});
  ASSERT_TRUE(listener) << listener.error().what;
  EXPECT_TRUE(listener->is_tcp());
  const auto address = ParseListenAddress(listener->name());
  ASSERT_TRUE(address);
  EXPECT_GT(address->port, 0);
  EXPECT_EQ(listener->hosts().at(1), "localhost:" + std::to_string(address->port));
  EXPECT_EQ(Listener::Open(*address).error().kind, ErrorKind::kConflict);
}

TEST(HostsTest, ThePortOfHttpMayBeLeftOut) {
  using Hosts = std::vector<std::string>;
  EXPECT_EQ(HostsOf("[::1]", 8080), (Hosts{"[::1]:8080", "localhost:8080"}));
  EXPECT_EQ(HostsOf("127.0.0.1", 80),
            (Hosts{"127.0.0.1:80", "127.0.0.1", "localhost:80", "localhost"}));
}

TEST_F(ListenerTest, WhatAServiceManagerGivesIsLookedAt) {
  auto socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(socket.valid());
  EXPECT_FALSE(Listener::Adopt(std::move(socket))) << "it does not listen";
  socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  EXPECT_FALSE(Listener::Adopt(std::move(socket))) << "it is open to other hosts";
  const auto own = Listener::Open({.ip = "127.0.0.1", .port = 0});
  ASSERT_TRUE(own);
  const auto adopted = Listener::Adopt(UniqueFd(::dup(own->fd().get())));
  ASSERT_TRUE(adopted) << adopted.error().what;
  EXPECT_EQ(adopted->name(), own->name());
}

}  // namespace
}  // namespace veneer::api
