#include "kernel/linux/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

TEST(UnixSocket, PathsOfAnyLengthConnect) {
  const testing::TempDirectory directory;
  const std::string parent = directory / std::string(200, 'a');
  std::filesystem::create_directory(parent);
  const std::string path = parent + "/socket";
  const UniqueFd listener = ListenAtUnix(path).value();
  EXPECT_TRUE(ConnectToUnix(path));
}

TEST(UnixSocket, NobodyThereIsNotFound) {
  const testing::TempDirectory directory;
  EXPECT_EQ(ConnectToUnix(directory / "none").error().kind, ErrorKind::kNotFound);
}

TEST(UnixSocket, ACrowdThatDoesNotGetLessIsWaitedForABoundedTime) {
  const testing::TempDirectory directory;
  const std::string path = directory / "crowded";
  const UniqueFd listener = ListenAtUnix(path).value();
  std::vector<UniqueFd> crowd;
  Result<UniqueFd> next = ConnectToUnix(path, std::chrono::milliseconds(1));
  while (next && crowd.size() < 100) {
    crowd.push_back(*std::move(next));
    next = ConnectToUnix(path, std::chrono::milliseconds(1));
  }
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().os_errno, ETIMEDOUT);
}

TEST(UnixSocket, OneThatIsConnectedWaitsAsLongAsItTakes) {
  const testing::TempDirectory directory;
  const UniqueFd listener = ListenAtUnix(directory / "socket").value();
  const UniqueFd socket = ConnectToUnix(directory / "socket").value();
  timeval limit{};
  socklen_t size = sizeof limit;
  ASSERT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, &size), 0);
  EXPECT_EQ(limit.tv_sec, 0);
}

}  // namespace
}  // namespace veneer
