// Several at work at once, while any `veneer` process may be killed at any moment; afterwards
// catalog, files, mounts, devices and processes agree, every disk is sound, and what was flushed is
// there. In a guest sandboxes begin on dm, and change between the backends.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kWorkers = 3;
constexpr unsigned kNamesEach = 6;
// Beyond its time, until there were so many kills: for a machine with other things to do.
constexpr auto kLongest = std::chrono::minutes(10);

struct Length {
  std::chrono::seconds time;
  unsigned kills_at_least;
  unsigned most_between_kills;  // milliseconds
};

// A guest's CPU is emulated, about ten times slower: most commands are to live for a while.
Length LengthWanted(bool in_guest) {
  const bool all = std::getenv("VENEER_STORM") != nullptr;
  if (in_guest) {
    return all ? Length{std::chrono::minutes(15), 500, 1600}
               : Length{std::chrono::minutes(1), 40, 1600};
  }
  return {all ? std::chrono::minutes(15) : std::chrono::minutes(1), 500, 220};
}

// What may be in block 1 of a sandbox, as far as its worker knows.
struct Known {
  std::set<char> letters{'\0'};
  bool must_exist = false;
};

class StormTest : public SandboxesTest {
 protected:
  // Statuses of a command that was not understood, or met corrupt data, are nobody's fault but
  // ours.
  int RunOne(const std::vector<std::string>& arguments) {
    const support::Outcome outcome = Veneer(arguments);
    ++commands_;
    EXPECT_TRUE(outcome.status != 2 && outcome.status != 6 && outcome.status != 7)
        << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_FALSE(outcome.timed_out) << ::testing::PrintToString(arguments);
    return outcome.status;
  }

  void CreateOne(const std::string& name, Known& known) {
    const int status = RunOne({"create", "base", "--name", name, "--backend", Backend()});
    if (status == 0) known = {.must_exist = true};
    // Killed: perhaps it was done all the same.
    if (status != 0 && status != 4) known.letters.insert('\0');
  }

  void ResumeOne(const std::string& name, bool by_the_other) {
    std::vector<std::string> arguments{"resume", name};
    if (by_the_other && InGuest()) arguments.insert(arguments.end(), {"--backend", "user"});
    RunOne(arguments);
  }

  void WriteOne(const std::string& name, Known& known, char letter) {
    const auto shown = support::Run(Command({"show", name, "--json"}));
    const json sandbox = json::parse(shown.out, nullptr, false);
    if (!sandbox.is_object() || !sandbox.at("path").is_string()) return;
    known.letters.insert(letter);
    if (TryWrite(sandbox.at("path"), 1, letter)) known.letters = {letter};
  }

  void Work(unsigned worker, unsigned seed) {
    std::mt19937 random(seed);
    std::map<std::string, Known>& mine = known_[worker];
    for (unsigned n = 0; n < kNamesEach; ++n) mine[NameOf(worker, n)];
    while (!over_) {
      const std::string name = NameOf(worker, static_cast<unsigned>(random() % kNamesEach));
      Known& known = mine[name];
      switch (random() % 8) {
        case 0:
        case 1:
          CreateOne(name, known);
          break;
        case 2:
          RunOne({"pause", name});
          break;
        case 3:
          ResumeOne(name, random() % 4 == 0);
          break;
        case 4:
          RunOne({"fork", name, "--count", "2"});
          ThinOut();
          break;
        case 5:
          RunOne({"snapshot", "create", name, "--name", "s-" + name});
          RunOne({"snapshot", "rm", "s-" + name});
          break;
        case 6:
          if (random() % 4 == 0) {
            known.must_exist = false;
            RunOne({"destroy", name});
          }
          break;
        default:
          WriteOne(name, known, static_cast<char>('A' + random() % 26));
      }
    }
    --at_work_;
  }

  // One who writes may wait for a disk that a killed clone holds still, which a command lets go.
  void EndWork() {
    over_ = true;
    while (at_work_ > 0) {
      RunOne({"recover"});
      support::PauseBeforeAskingAgain();
    }
  }

  // Forks have no names of ours: some of them go, so that there are never many.
  void ThinOut() {
    const auto listed = support::Run(Command({"ls", "--json"}));
    const json sandboxes = json::parse(listed.out, nullptr, false);
    if (!sandboxes.is_array() || sandboxes.size() < 20) return;
    for (const json& each : sandboxes) {
      if (each.at("name") == each.at("id")) RunOne({"destroy", each.at("id").get<std::string>()});
    }
  }

  // Any process of this test's veneer, a command or a server.
  void KillOne(std::mt19937& random) {
    const std::vector<pid_t> found = Processes("");
    if (found.empty()) return;
    const pid_t victim = found[random() % found.size()];
    const std::vector<pid_t> servers = Servers();
    const bool is_server = std::ranges::find(servers, victim) != servers.end();
    if (!Kill(victim)) return;
    ++kills_;
    if (is_server) ++server_kills_;
  }

  void ExpectEveryDiskIsSound() {
    for (const json& sandbox : Ok({"ls"})) {
      if (sandbox.at("state") == "running") Ok({"pause", sandbox.at("id").get<std::string>()});
    }
    ExpectAllAgree();
  }

  void ExpectFlushedIsThere() {
    for (const auto& mine : known_) {
      for (const auto& [name, known] : mine) {
        const auto shown = support::Run(Command({"show", name, "--json"}));
        EXPECT_TRUE(shown.status == 0 || !known.must_exist) << name << shown.err;
        if (shown.status == 3) continue;  // never made, undone or destroyed
        if (StateOf(name) == "paused") Ok({"resume", name});
        EXPECT_THAT(known.letters, ::testing::Contains(Read(DiskOf(name), 1))) << name;
      }
    }
  }

  static std::string NameOf(unsigned worker, unsigned n) {
    return "w" + std::to_string(worker) + "-" + std::to_string(n);
  }

  std::vector<std::map<std::string, Known>> known_{kWorkers};
  std::atomic<bool> over_ = false;
  std::atomic<unsigned> at_work_ = kWorkers;
  std::atomic<unsigned> commands_ = 0;
  std::atomic<unsigned> kills_ = 0;
  unsigned server_kills_ = 0;  // of them
};

TEST_F(StormTest, WhateverIsKilledAllAgreesAfterwards) {
  const unsigned seed = 20261124;
  std::vector<std::jthread> workers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([this, worker] { Work(worker, seed + worker); });
  }
  std::mt19937 random(seed + kWorkers);
  const Clock::time_point begin = Clock::now();
  const Length length = LengthWanted(InGuest());
  const auto enough = [&] {
    const auto elapsed = Clock::now() - begin;
    return (elapsed > length.time && kills_ >= length.kills_at_least) ||
           elapsed > length.time + kLongest;
  };
  while (!enough()) {
    const unsigned most = length.most_between_kills;
    std::this_thread::sleep_for(std::chrono::milliseconds(most / 10 + random() % most));
    KillOne(random);
  }
  EndWork();
  for (std::jthread& worker : workers) worker.join();

  EXPECT_EQ(Ok({"recover"}).at("stuck"), json::array());
  Ok({"gc"});
  ExpectAllAgree();
  ExpectFlushedIsThere();
  const std::size_t disks = Ok({"ls"}).size();
  ExpectEveryDiskIsSound();
  const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin);
  std::cout << "storm: " << elapsed.count() << " s, " << commands_ << " commands, " << kills_
            << " kills, of them " << server_kills_ << " of servers; " << disks
            << " disks are sound\n";
  EXPECT_GE(kills_, length.kills_at_least);
}

}  // namespace
}  // namespace veneer::lifecycle
