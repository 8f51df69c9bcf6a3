#include "export/nbd/send_buffers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"

namespace veneer {
namespace {

// Its two ends are both this process's.
class Pair {
 public:
  Pair() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    one_ = UniqueFd(ends[0]);
    other_ = UniqueFd(ends[1]);
  }

  int SendBuffer() const {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    EXPECT_EQ(::getsockopt(one_.get(), SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
    return bytes;
  }

 private:
  UniqueFd one_;
  UniqueFd other_;
};

TEST(SendBuffersTest, AConnectionWithThePeerGetsRoom) {
  const Pair pair;
  const int before = pair.SendBuffer();
  WidenSendBuffers(::getpid());
  EXPECT_GT(pair.SendBuffer(), before);
}

TEST(SendBuffersTest, ThoseWithOthersStayAsTheyAre) {
  const Pair pair;
  const int before = pair.SendBuffer();
  WidenSendBuffers(::getppid());
  EXPECT_EQ(pair.SendBuffer(), before);
}

}  // namespace
}  // namespace veneer
