// Agents that answer late, wrong, too much, or never.
#include "vm/qemu/guest_agent.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <thread>

#include "kernel/linux/unix_socket.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using std::chrono::milliseconds;

// NOLINTBEGIN(misc-const-correctness): its thread changes an agent

// An agent of the test's own making, for one client.
class FakeAgent {
 public:
  using Script = std::function<void(FakeAgent&)>;

  explicit FakeAgent(const Script& script)
      : listener_(ListenAtUnix(path()).value()), thread_([this, script] {
          client_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
          script(*this);
          while (!Hear().empty()) {
          }
        }) {}
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;
  ~FakeAgent() { thread_.join(); }

  [[nodiscard]] std::string path() const { return directory_ / "agent"; }

  std::string Hear() {
    std::array<char, 4096> buffer{};
    const ssize_t n = ::read(client_.get(), buffer.data(), buffer.size());
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "";
  }
  void Say(const std::string& text) {
    [[maybe_unused]] const ssize_t n =
        ::send(client_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Answers the synchronization, as the real one does.
  void Sync() {
    const std::string asked = Hear();
    const nlohmann::json message = nlohmann::json::parse(asked.substr(1));
    Say(fmt::format("{{\"error\": {{\"desc\": \"stray\"}}}}\n\xff{{\"return\": {}}}\n",
                    message["arguments"]["id"].get<std::uint32_t>()));
  }

 private:
  testing::TempDirectory directory_;
  UniqueFd listener_;
  UniqueFd client_;
  std::thread thread_;
};

TEST(GuestAgent, AnswersAreThoseToTheQuestion) {
  FakeAgent fake([](FakeAgent& agent) {
    agent.Say("{\"return\": \"for another\"}\nno json at all\n");
    agent.Sync();
    agent.Hear();
    agent.Say("{\"return\": 5}\n");
  });
  auto agent = GuestAgent::Connect(fake.path(), std::chrono::minutes(1));
  ASSERT_TRUE(agent) << agent.error().what;
  EXPECT_EQ(agent->Run("guest-fsfreeze-freeze", nullptr, std::chrono::minutes(1)).value(), 5);
}

TEST(GuestAgent, OneThatNeverAnswersIsWaitedForABoundedTime) {
  FakeAgent fake([](FakeAgent&) {});
  const auto agent = GuestAgent::Connect(fake.path(), milliseconds(20));
  ASSERT_FALSE(agent);
  EXPECT_EQ(agent.error().os_errno, ETIMEDOUT);
}

TEST(GuestAgent, OneThatFloodsIsCorrupt) {
  FakeAgent fake([](FakeAgent& agent) {
    for (unsigned n = 0; n < 2000; ++n) agent.Say("{\"return\": 1}\n");
  });
  const auto agent = GuestAgent::Connect(fake.path(), std::chrono::minutes(1));
  ASSERT_FALSE(agent);
  EXPECT_EQ(agent.error().kind, ErrorKind::kCorrupt);
}

TEST(GuestAgent, ALineWithoutAnEndIsCorrupt) {
  FakeAgent fake([](FakeAgent& agent) {
    for (unsigned n = 0; n < 40; ++n) agent.Say(std::string(16384, '['));
  });
  const auto agent = GuestAgent::Connect(fake.path(), std::chrono::minutes(1));
  ASSERT_FALSE(agent);
  EXPECT_EQ(agent.error().kind, ErrorKind::kCorrupt);
}

TEST(GuestAgent, WhatItSaysIsOneCleanLine) {
  FakeAgent fake([](FakeAgent& agent) {
    agent.Sync();
    agent.Hear();
    agent.Say("{\"error\": {\"class\": \"X\", \"desc\": \"no\\u001b[31m\\nway\"}}\n");
  });
  auto agent = GuestAgent::Connect(fake.path(), std::chrono::minutes(1));
  ASSERT_TRUE(agent) << agent.error().what;
  EXPECT_EQ(agent->Run("guest-exec", nullptr, std::chrono::minutes(1)).error().what,
            "the guest's guest-exec: no [31m way");
}

TEST(GuestAgent, NobodyThereIsNotFound) {
  const testing::TempDirectory directory;
  EXPECT_EQ(GuestAgent::Connect(directory / "none", milliseconds(1)).error().kind,
            ErrorKind::kNotFound);
}

// NOLINTEND(misc-const-correctness)

}  // namespace
}  // namespace veneer
