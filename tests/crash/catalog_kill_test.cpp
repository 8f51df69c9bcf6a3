// Kills a process that writes to the catalog, at many moments. After each cut the database is
// sound, holds what was acknowledged, and of the verb that was cut all or nothing.
#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/testing/examples.h"
#include "catalog/testing/forked.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using testing::ExampleSandbox;
using testing::ExampleTemplate;
using testing::Forked;
using testing::Voice;

constexpr int kTogether = 3;

int Rounds() { return std::getenv("VENEER_STORM") != nullptr ? 300 : 30; }

SandboxRecord SandboxOf(int round, int step, int n) {
  const std::string id = fmt::format("sb-{:03x}{:04x}{:x}", round, step, n);
  return ExampleSandbox(id, id);
}

// The verbs of a writer, without end, each acknowledged when it has returned: verb 2n adds three
// sandboxes in one, verb 2n + 1 updates the first of them.
bool WriteForEver(const std::string& root, int round, const Voice& voice) {
  auto catalog = Catalog::Open(root);
  if (!catalog) return false;
  for (int step = 0;; ++step) {
    std::vector<SandboxRecord> added;
    for (int n = 0; n < kTogether; ++n) added.push_back(SandboxOf(round, step, n));
    if (!catalog->Add(added)) return false;
    voice.Say(1);
    added.front().state = SandboxState::kPaused;
    if (!catalog->Update(added.front())) return false;
    voice.Say(1);
  }
}

// Lets the writer go on for a while, never the same one.
void Linger(int round) {
  for (int i = 0; i < (round * 37) % 101; ++i) ::sched_yield();
}

// How many verbs were acknowledged until it was dead.
int KillAfter(Forked& writer, int acknowledged, int round) {
  for (int i = 0; i < acknowledged; ++i) EXPECT_EQ(writer.Hear(), 1);
  Linger(round);
  writer.Kill();
  while (writer.Hear() == 1) ++acknowledged;
  return acknowledged;
}

class CatalogKillTest : public ::testing::Test {
 protected:
  static void ExpectSound(const std::string& root) {
    SQLite::Database database(root + "/catalog.db", SQLite::OPEN_READWRITE);
    EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_EQ(database.execAndGet("SELECT count(*) FROM pragma_foreign_key_check").getInt(), 0);
  }

  // What is there of a step of which this many verbs were acknowledged (0, 1 or 2), when the next
  // verb may have been done.
  static void ExpectStep(const Catalog& catalog, int round, int step, int acknowledged) {
    int there = 0;
    for (int n = 0; n < kTogether; ++n) {
      there += catalog.Sandbox(SandboxOf(round, step, n).id) ? 1 : 0;
    }
    if (there == 0 && acknowledged == 0) return;
    ASSERT_EQ(there, kTogether) << "round " << round << " step " << step;
    const SandboxState state = catalog.Sandbox(SandboxOf(round, step, 0).id)->state;
    // Between its two verbs, the second may have been done.
    if (acknowledged == 1) return;
    EXPECT_EQ(state, acknowledged == 0 ? SandboxState::kRunning : SandboxState::kPaused);
  }

  testing::TempDirectory directory_;
};

TEST_F(CatalogKillTest, WhatWasAcknowledgedIsThere) {
  const std::string root = directory_ / "state";
  ASSERT_TRUE(Catalog::Open(root)->Add(ExampleTemplate()));
  std::size_t before = 0;
  for (int round = 0; round < Rounds(); ++round) {
    Forked writer([&](const Voice& voice) { return WriteForEver(root, round, voice); });
    const int acknowledged = KillAfter(writer, round % 7, round);
    const Catalog catalog = Catalog::Open(root).value();
    const int last = acknowledged / 2;
    for (int step = 0; step < last; ++step) ExpectStep(catalog, round, step, 2);
    ExpectStep(catalog, round, last, acknowledged % 2);
    const std::size_t now = catalog.Sandboxes()->size();
    EXPECT_LE(now - before, static_cast<std::size_t>((last + 1) * kTogether));
    before = now;
    ExpectSound(root);
  }
}

TEST_F(CatalogKillTest, ACreationThatIsKilledIsTakenUpByTheNext) {
  for (int round = 0; round < Rounds(); ++round) {
    const std::string root = directory_ / fmt::format("state{}", round);
    Forked creator([&](const Voice& voice) {
      voice.Say(1);
      return Catalog::Open(root).has_value();
    });
    KillAfter(creator, 1, round);
    auto catalog = Catalog::Open(root);
    ASSERT_TRUE(catalog) << catalog.error().what;
    EXPECT_TRUE(catalog->Add(ExampleTemplate()));
    ExpectSound(root);
  }
}

}  // namespace
}  // namespace veneer
