#include "api/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "kernel/testing/temp_directory.h"

namespace veneer::api {
namespace {

TEST(ServiceManager, HearsTheNews) {
  const testing::TempDirectory directory;
  const std::string path = directory / "notify";
  const UniqueFd ear(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(ear.valid());
  union {
    sockaddr_un local;
    sockaddr any;
  } address{};
  address.local.sun_family = AF_UNIX;
  std::memcpy(address.local.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(ear.get(), &address.any, sizeof address.local), 0);

  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const auto manager = ServiceManager::FromEnvironment();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  manager.Tell("READY=1");
  std::array<char, 64> heard{};
  const ssize_t size = ::recv(ear.get(), heard.data(), heard.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(heard.data(), static_cast<std::size_t>(size)), "READY=1");
}

TEST(ServiceManager, WithoutOneNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceManager::FromEnvironment().Tell("READY=1");
  ::setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
  ServiceManager::FromEnvironment().Tell("READY=1");
}

TEST(ServiceManager, SocketsOfAnotherProcessAreNotOurs) {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "3", 1);
  EXPECT_TRUE(TakeActivatedSockets().empty());
  EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
  ::setenv("LISTEN_PID", "x", 1);
  ::setenv("LISTEN_FDS", "-1", 1);
  EXPECT_TRUE(TakeActivatedSockets().empty());
}

}  // namespace
}  // namespace veneer::api
