// A command over a port whose other end is a thread of the test: honest, silent, or a liar.
#include "vm/qemu/exec_session.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

#include "vm/qemu/exec_frames.h"

namespace veneer {
namespace {

struct Ends {
  UniqueFd host;
  UniqueFd guest;
};

Ends MakeEnds() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string Hear(const UniqueFd& fd) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "";
}

void Say(const UniqueFd& fd, const std::string& text) {
  [[maybe_unused]] const ssize_t n = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// The nonce is the first text of the request's list.
std::string NonceIn(const std::string& request) { return request.substr(9, 16); }

class ExecSessionTest : public ::testing::Test {
 protected:
  // What comes of the request with a guest that answers it so.
  Result<ExecEnd> Run(ExecRequest request, const std::function<void(const UniqueFd&)>& guest) {
    request.argv = {"true"};
    request.output = [this](ExecStream, std::string_view text) -> Result<void> {
      heard_ += text;
      return {};
    };
    Ends ends = MakeEnds();
    std::thread other([&] { guest(ends.guest); });
    const auto over = RunOverPort(ends.host, PortState::kClean, request);
    ends.host.Close();  // so that a guest that listens for ever ends
    other.join();
    if (!over) return Fail(over.error());
    left_ = over->left;
    return over->end;
  }

  std::string heard_;
  PortState left_ = PortState::kUnknown;
};

TEST_F(ExecSessionTest, OutputAndStatusArrive) {
  const auto end = Run({}, [](const UniqueFd& guest) {
    Say(guest, EncodeFrame('S', NonceIn(Hear(guest))) + EncodeFrame('1', "said") +
                   EncodeFrame('X', EncodeList({"exit", "7", ""})));
  });
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(ShellStatus(*end), 7);
  EXPECT_EQ(heard_, "said");
}

TEST_F(ExecSessionTest, OutputOverTheLimitIsDroppedAndCounted) {
  const auto end = Run({.output_limit = Bytes(5)}, [](const UniqueFd& guest) {
    Say(guest, EncodeFrame('S', NonceIn(Hear(guest))) + EncodeFrame('1', "123") +
                   EncodeFrame('2', "4567") + EncodeFrame('1', "89") +
                   EncodeFrame('X', EncodeList({"exit", "0", ""})));
  });
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(heard_, "12345");
  EXPECT_EQ(end->dropped, Bytes(4));
}

TEST_F(ExecSessionTest, ACommandWhoseTimeIsOverIsKilled) {
  std::string asked;
  const auto end = Run({.timeout = std::chrono::milliseconds(1)}, [&](const UniqueFd& guest) {
    Say(guest, EncodeFrame('S', NonceIn(Hear(guest))));
    while (!asked.contains(EncodeFrame('K', "9"))) asked += Hear(guest);
    Say(guest, EncodeFrame('X', EncodeList({"signal", "9", ""})));
  });
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(end->outcome, ExecOutcome::kTimedOut);
}

TEST_F(ExecSessionTest, AGuestThatTakesMoreInputThanThereWasIsCorrupt) {
  const auto end = Run({}, [](const UniqueFd& guest) {
    Say(guest, EncodeFrame('S', NonceIn(Hear(guest))) + EncodeFrame('A', "5"));
  });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::kCorrupt);
}

TEST_F(ExecSessionTest, APortIsCleanWhereTheGuestHasTakenAllInput) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const UniqueFd input(pipe[0]);
  UniqueFd to_input(pipe[1]);
  for (const bool all : {true, false}) {
    ASSERT_EQ(::write(to_input.get(), "text", 4), 4);
    const auto end = Run({.input = input.get()}, [&](const UniqueFd& guest) {
      Say(guest, EncodeFrame('S', NonceIn(Hear(guest))));
      Hear(guest);
      if (all) Say(guest, EncodeFrame('A', "4"));
      Say(guest, EncodeFrame('X', EncodeList({"exit", "0", ""})));
    });
    ASSERT_TRUE(end) << end.error().what;
    EXPECT_EQ(left_, all ? PortState::kClean : PortState::kUnknown);
  }
}

TEST_F(ExecSessionTest, AMachineThatEndsIsAnError) {
  Ends ends = MakeEnds();
  ends.guest.Close();
  EXPECT_FALSE(RunOverPort(ends.host, PortState::kClean, {.argv = {"true"}}));
}

TEST_F(ExecSessionTest, WhoAsksForItMayGiveUpOnASilentGuest) {
  unsigned asked = 0;
  ExecRequest request;
  request.check = [&]() -> Result<void> {
    if (++asked < 2) return {};
    return Fail(ErrorKind::kFailed, "no more");
  };
  const auto end = Run(request, [](const UniqueFd& guest) {
    while (!Hear(guest).empty()) {
    }
  });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().what, "no more");
}

}  // namespace
}  // namespace veneer
