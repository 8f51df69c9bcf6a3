// Guests of other kinds: with several CPUs, a network, a disk by NBD; one that fills its disk.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include "machine/machines.h"
#include "support/disk_client.h"

namespace veneer::lifecycle {
namespace {

using ::testing::HasSubstr;

class GuestTest : public MachinesTest {};

// Says "hello" to whoever comes first.
class Greeter {
 public:
  Greeter() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), generic, size), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const UniqueFd guest(::accept(socket_.get(), nullptr, nullptr));
      [[maybe_unused]] const ssize_t n = ::write(guest.get(), "hello\n", 6);
    });
  }
  Greeter(const Greeter&) = delete;
  Greeter& operator=(const Greeter&) = delete;
  ~Greeter() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] std::string port() const { return std::to_string(port_); }

 private:
  UniqueFd socket_;
  unsigned port_ = 0;
  std::thread thread_;
};

TEST_F(GuestTest, OneWithTwoCpusAndANetworkReachesTheHostAndGoesOnAfterAPause) {
  const Greeter greeter;
  const json booted = Ok({"create", "debian", "--boot", "--name", "one", "--backend", Backend(),
                          "--cpus", "2", "--net", "user", "--memory", "256M"});
  EXPECT_EQ(booted.at("machine").at("cpus"), 2);
  EXPECT_EQ(booted.at("machine").at("network"), "user");
  EXPECT_EQ(Said("one", "nproc"), "2\n");
  // What user-mode networking has for the host's loopback.
  EXPECT_EQ(Said("one",
                 "perl -MIO::Socket::INET -e '"
                 "print scalar readline(IO::Socket::INET->new(\"10.0.2.2:" +
                     greeter.port() + "\") or die $!)'"),
            "hello\n");
  StartCounter("one");
  Ok({"pause", "one"});
  Ok({"resume", "one"});
  const long before = Counted("one");
  EXPECT_TRUE(
      support::Eventually([&] { return Counted("one") > before; }, std::chrono::minutes(1)));
  EXPECT_EQ(Said("one", "nproc"), "2\n");
}

TEST_F(GuestTest, OneWithoutANetworkHasNone) {
  Boot("one");
  EXPECT_EQ(Said("one", "ls /sys/class/net"), "lo\n");
}

TEST_F(GuestTest, OneOnADiskByNbdIsPausedAndForkedAsAnyOther) {
  if (InGuest()) GTEST_SKIP() << "NBD is the user backend's";
  if (!support::kHasNbd) GTEST_SKIP() << support::kNoNbd;
  Ok({"create", "ready", "--boot", "--name", "one", "--backend", "user", "--export", "nbd"});
  EXPECT_THAT(Show("one").at("path").get<std::string>(), HasSubstr("nbd+unix:"));
  StartCounter("one");
  Said("one", "echo kept >/root/file; sync /root/file");
  Ok({"pause", "one"});
  EXPECT_EQ(Servers(), std::vector<pid_t>{});
  Ok({"resume", "one"});
  const std::string fork = Ok({"fork", "one"})[0].at("id");
  for (const std::string& name : {std::string("one"), fork}) {
    EXPECT_EQ(Said(name, "cat /root/file"), "kept\n");
    EXPECT_GT(Counted(name), 0);
  }
}

TEST_F(GuestTest, OneThatFillsItsDiskIsToldSoAndDisturbsNobody) {
  Boot("one");
  Boot("two");
  StartCounter("two");
  const support::Outcome full =
      Exec("one", {"sh", "-c", "cat /dev/zero >/root/fill; sync; echo alive"});
  EXPECT_EQ(full.status, 0) << full.err;
  EXPECT_THAT(full.err, HasSubstr("No space left on device"));
  EXPECT_EQ(full.out, "alive\n");
  const json one = Show("one");
  // Its store holds at most its disk, and what tells where.
  EXPECT_LT(one.at("used_bytes").get<double>(), 1.02 * one.at("size").get<double>());
  const long before = Counted("two");
  EXPECT_TRUE(
      support::Eventually([&] { return Counted("two") > before; }, std::chrono::minutes(1)));
  Said("one", "rm /root/fill; echo kept >/root/file; sync /root/file");
  Ok({"pause", "one"});
  Ok({"resume", "one"});
  EXPECT_EQ(Said("one", "cat /root/file"), "kept\n");
}

TEST_F(GuestTest, ItsConsoleIsFollowedUntilItIsPaused) {
  Boot("one");
  support::Child follower(Command({"logs", "-f", "one"}));
  Said("one", "echo first >/dev/ttyS0");
  EXPECT_TRUE(follower.WaitForOutput("first", std::chrono::minutes(1)));
  Said("one", "echo second >/dev/ttyS0");
  EXPECT_TRUE(follower.WaitForOutput("second", std::chrono::minutes(1)));
  Ok({"pause", "one"});
  const support::Outcome ended = follower.Wait(std::chrono::minutes(1));
  EXPECT_EQ(ended.status, 0) << ended.err;
}

}  // namespace
}  // namespace veneer::lifecycle
