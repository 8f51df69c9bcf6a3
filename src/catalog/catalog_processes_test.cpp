// Several processes use one catalog at once.
#include <fmt/format.h>
#include <gtest/gtest.h>

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

constexpr int kProcesses = 4;
constexpr int kRounds = 50;

std::string IdOf(int process, int round) { return fmt::format("sb-{:04x}{:04x}", process, round); }

// Adds sandboxes, and changes each one that was added before it.
bool AddAndUpdate(const std::string& root, int process) {
  auto catalog = Catalog::Open(root);
  if (!catalog) return false;
  for (int round = 0; round < kRounds; ++round) {
    SandboxRecord sandbox = ExampleSandbox(IdOf(process, round), IdOf(process, round));
    if (!catalog->Add(sandbox)) return false;
    sandbox.reason = fmt::format("{} was here", process);
    sandbox.state = SandboxState::kPaused;
    if (!catalog->Update(sandbox)) return false;
  }
  return true;
}

class CatalogProcessesTest : public ::testing::Test {
 protected:
  CatalogProcessesTest() { EXPECT_TRUE(Catalog::Open(root_)->Add(ExampleTemplate())); }

  testing::TempDirectory directory_;
  std::string root_ = directory_ / "state";
};

TEST_F(CatalogProcessesTest, WhatFourWriteAtOnceIsAllThere) {
  std::vector<Forked> processes;
  processes.reserve(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&, i](const Voice&) { return AddAndUpdate(root_, i); });
  }
  for (Forked& process : processes) EXPECT_TRUE(process.Wait());
  const Catalog catalog = Catalog::Open(root_).value();
  ASSERT_EQ(catalog.Sandboxes()->size(), static_cast<std::size_t>(kProcesses * kRounds));
  for (int process = 0; process < kProcesses; ++process) {
    for (int round = 0; round < kRounds; ++round) {
      const auto sandbox = catalog.Sandbox(IdOf(process, round));
      ASSERT_TRUE(sandbox);
      EXPECT_EQ(sandbox->reason, fmt::format("{} was here", process));
      EXPECT_EQ(sandbox->state, SandboxState::kPaused);
    }
  }
}

TEST_F(CatalogProcessesTest, OneOfThoseWhoWantANameGetsIt) {
  std::vector<Forked> processes;
  processes.reserve(kProcesses);
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&, i](const Voice& voice) {
      auto catalog = Catalog::Open(root_);
      if (!catalog) return false;
      const auto added = catalog->Add(ExampleSandbox(IdOf(i, 0), "wanted"));
      voice.Say(added ? 1 : 0);
      return added || added.error().kind == ErrorKind::kConflict;
    });
  }
  int winners = 0;
  for (Forked& process : processes) {
    winners += process.Hear();
    EXPECT_TRUE(process.Wait());
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(Catalog::Open(root_)->Sandboxes()->size(), 1U);
}

TEST_F(CatalogProcessesTest, WhatAnotherProcessDoesIsSeenAtOnce) {
  const Forked writer([&](const Voice& voice) {
    auto catalog = Catalog::Open(root_);
    if (!catalog || !catalog->Add(ExampleSandbox())) return false;
    voice.Say(1);
    for (;;) ::pause();
  });
  ASSERT_EQ(writer.Hear(), 1);
  EXPECT_TRUE(Catalog::Open(root_)->Sandbox("one"));
}

}  // namespace
}  // namespace veneer
