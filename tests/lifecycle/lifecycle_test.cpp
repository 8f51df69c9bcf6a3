// What templates and sandboxes do, seen from outside.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <set>
#include <thread>

#include "lifecycle/sandboxes.h"
#include "support/opener.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::Outcome;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LifecycleTest : public SandboxesTest {};

TEST_F(LifecycleTest, ASandboxRunsPausesResumesAndIsGone) {
  const json made = Create("web");
  EXPECT_EQ(made.at("state"), "running");
  EXPECT_EQ(made.at("backend"), Backend());
  EXPECT_EQ(made.at("template"), "base");
  EXPECT_EQ(made.at("size"), 16 << 20);
  EXPECT_THAT(made.at("id").get<std::string>(), StartsWith("sb-"));
  EXPECT_TRUE(made.at("timings_ms").contains("attach"));
  const std::string disk = DiskOf("web");
  EXPECT_EQ(Read(disk, 0), 'b');
  Write(disk, 1, 'w');

  EXPECT_EQ(Ok({"pause", "web"}).at("path"), nullptr);
  EXPECT_EQ(Servers().size(), 0U);
  ExpectStoresAreSound();
  const json paused = Show("web");
  EXPECT_EQ(paused.at("state"), "paused");
  EXPECT_EQ(paused.at("changed_bytes"), 4096);
  EXPECT_GE(paused.at("used_bytes"), 4096);

  Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 1), 'w');
  EXPECT_EQ(Read(DiskOf("web"), 0), 'b');
  const std::string id = made.at("id");
  EXPECT_EQ(Ok({"destroy", id}).at("id"), id);
  EXPECT_FALSE(fs::exists(StoreOf(id)));
  EXPECT_EQ(Ok({"ls"}), json::array());
}

TEST_F(LifecycleTest, ForksShareOneMomentAndGoTheirOwnWays) {
  Create("web");
  Write(DiskOf("web"), 1, '1');
  const json forks = Ok({"fork", "web", "--count", "3"});
  ASSERT_EQ(forks.size(), 3U);
  Write(DiskOf("web"), 1, '2');
  Write(forks[0].at("path"), 1, 'x');
  EXPECT_EQ(Read(forks[0].at("path"), 1), 'x');
  EXPECT_EQ(Read(forks[1].at("path"), 1), '1');
  EXPECT_EQ(Read(forks[2].at("path"), 0), 'b');
  EXPECT_EQ(Read(DiskOf("web"), 1), '2');
  EXPECT_EQ(StateOf("web"), "running");

  Ok({"pause", "web"});
  const json more = Ok({"fork", "web"});
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(Read(more[0].at("path"), 1), '2');
  EXPECT_EQ(StateOf("web"), "paused");
  // A fork of a fork.
  const json third = Ok({"fork", forks[0].at("id").get<std::string>()});
  EXPECT_EQ(Read(third[0].at("path"), 1), 'x');
}

TEST_F(LifecycleTest, ASnapshotIsATemplateOfItsMoment) {
  Create("web");
  Write(DiskOf("web"), 1, '1');
  const json snapshot = Ok({"snapshot", "create", "web", "--name", "ready"});
  EXPECT_EQ(snapshot.at("kind"), "snapshot");
  EXPECT_THAT(snapshot.at("digest").get<std::string>(), StartsWith("sha256:"));
  EXPECT_TRUE(snapshot.contains("held_ms"));
  EXPECT_EQ(StateOf("web"), "running");
  Write(DiskOf("web"), 1, '2');

  const json made = Ok({"create", "ready", "--backend", Backend()});
  EXPECT_EQ(Read(made.at("path"), 1), '1');
  EXPECT_EQ(Read(made.at("path"), 0), 'b');
  Ok({"pause", "web"});
  Ok({"snapshot", "create", "web", "--name", "later"});
  EXPECT_EQ(Ok({"snapshot", "ls"}).size(), 2U);
  EXPECT_EQ(Ok({"template", "ls"}).size(), 3U);
  Ok({"snapshot", "rm", "later"});
  EXPECT_THAT(Refused(4, {"snapshot", "rm", "ready"}), HasSubstr(made.at("id").get<std::string>()));
}

TEST_F(LifecycleTest, ALargerDiskEndsInZeros) {
  const json made = Create("web", {"--size", "32M"});
  EXPECT_EQ(made.at("size"), 32 << 20);
  Write(made.at("path"), 8191, 'z');
  EXPECT_EQ(Read(made.at("path"), 8190), '\0');
  const json forks = Ok({"fork", "web"});
  EXPECT_EQ(forks[0].at("size"), 32 << 20);
  EXPECT_EQ(Read(forks[0].at("path"), 8191), 'z');
  Ok({"snapshot", "create", "web", "--name", "large"});
  EXPECT_EQ(Ok({"template", "show", "large"}).at("size"), 32 << 20);
}

TEST_F(LifecycleTest, AnIdANameAndABeginningOfAnIdAllName) {
  const std::string id = Create("web").at("id");
  for (const std::string& reference : {id, std::string("web"), id.substr(0, 7)}) {
    EXPECT_EQ(Show(reference).at("id"), id) << reference;
  }
}

TEST_F(LifecycleTest, OfTwoCreatesWithOneNameOneWins) {
  for (int round = 0; round < 5; ++round) {
    support::Child first(Command({"create", "base", "--name", "web", "--backend", Backend()}));
    support::Child second(Command({"create", "base", "--name", "web", "--backend", Backend()}));
    const std::multiset<int> statuses{first.Wait(std::chrono::minutes(2)).status,
                                      second.Wait(std::chrono::minutes(2)).status};
    EXPECT_EQ(statuses, (std::multiset<int>{0, 4}));
    EXPECT_EQ(Ok({"ls"}).size(), 1U);
    Ok({"destroy", "web"});
  }
}

TEST_F(LifecycleTest, FiftyCreatesAtOnceFinish) {
  constexpr unsigned kCreates = 50;
  constexpr unsigned kWorkers = 10;
  std::vector<double> took(kCreates);
  std::vector<int> statuses(kCreates, -1);
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      for (unsigned n = worker; n < kCreates; n += kWorkers) {
        const auto begin = std::chrono::steady_clock::now();
        const Outcome outcome = Veneer({"create", "base", "--backend", Backend()});
        statuses[n] = outcome.status;
        const std::chrono::duration<double, std::milli> elapsed =
            std::chrono::steady_clock::now() - begin;
        took[n] = elapsed.count();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(std::ranges::count(statuses, 0), kCreates);
  EXPECT_EQ(Ok({"ls"}).size(), kCreates);
  std::ranges::sort(took);
  std::cout << "50 creates by 10 at once: p50 " << took[kCreates / 2] << " ms, p99 "
            << took[kCreates * 99 / 100] << " ms\n";
}

TEST_F(LifecycleTest, ADiskInUseIsNamedAndRunsOn) {
  Create("web");
  const support::Opener opener(DiskOf("web"));
  for (const char* verb : {"pause", "destroy"}) {
    EXPECT_THAT(Refused(4, {verb, "web"}), HasSubstr(opener.Name()));
    EXPECT_EQ(StateOf("web"), "running");
  }
  EXPECT_EQ(Read(DiskOf("web"), 0), 'b');
  opener.Leave();
}

TEST_F(LifecycleTest, GcRemovesFilesOfNoRecordAndSaysWhatItFreed) {
  Create("web");
  support::WriteFile(StoreOf("sb-00000000"), std::string(1 << 20, 'x'));
  support::WriteFile(ImageOf("tp-00000000"), std::string(1 << 20, 'x'));
  EXPECT_GE(Ok({"gc", "--dry-run"}).at("freed_bytes"), 2 << 20);
  EXPECT_TRUE(fs::exists(StoreOf("sb-00000000")));
  const json report = Ok({"gc"});
  EXPECT_GE(report.at("freed_bytes"), 2 << 20);
  EXPECT_EQ(report.at("removed").size(), 2U);
  EXPECT_FALSE(fs::exists(ImageOf("tp-00000000")));
  EXPECT_EQ(Read(DiskOf("web"), 0), 'b');
}

}  // namespace
}  // namespace veneer::lifecycle
