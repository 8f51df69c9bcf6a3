// A power cut right after a verb has said that it is done: of the catalog, and of a store that the
// command itself has made, there is what they had been synced with, and the host has been started
// anew. What the verb has said is so.
#include <SQLiteCpp/Database.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <filesystem>
#include <map>
#include <optional>

#include "lifecycle/verb_cases.h"
#include "support/step_by_step.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using support::CallAtHand;

ino_t InodeOf(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

class VerbPowerCutTest : public VerbTest {
 protected:
  // Does the verb, and then there is only what lasts.
  void DoAndCut() {
    for (const std::string& path : Watched()) {
      if (fs::exists(path)) lasting_[InodeOf(path)] = support::ReadFile(path);
    }
    const std::optional<std::string> kept = StoreToBeRemoved();
    const support::Outcome outcome = support::RunWithFailures(
        Verb(), {SYS_fsync, SYS_fdatasync}, [&](const CallAtHand& sync) { return Note(sync); });
    ASSERT_EQ(outcome.status, 0) << outcome.err;

    TakeAway();
    fs::remove_all(run_);
    for (const std::string& path : Watched()) Restore(path);
    fs::remove(Catalog() + "-shm");
    if (kept) support::WriteFile(*kept, lasting_.at(kept_inode_));
    SQLite::Database(Catalog(), SQLite::OPEN_READWRITE)
        .exec("UPDATE sandboxes SET boot_id = 'the boot before'");
  }

  void ExpectGoesOn(const std::string& sandbox, unsigned block, char letter) const {
    EXPECT_EQ(StateOf(sandbox), "paused");
    Ok({"resume", sandbox});
    EXPECT_EQ(Read(DiskOf(sandbox), block), letter);
  }

  // Not begun is not enough here.
  void ExpectDone() const {
    const std::string verb = GetParam().verb;
    if (verb == "destroy") {
      EXPECT_EQ(Ok({"ls"}), json::array());
      return;
    }
    if (verb == "pause") {
      EXPECT_EQ(Show("web").value("reason", ""), "");
    }
    ExpectGoesOn("web", 1, 'w');
    if (verb == "create") ExpectGoesOn("new", 0, 'b');
    if (verb == "snapshot") {
      EXPECT_EQ(Read(Ok({"create", "s"}).at("path"), 1), 'w');
    }
    if (verb != "fork") return;
    unsigned forks = 0;
    for (const json& sandbox : Ok({"ls"})) {
      if (sandbox.at("operation") != "fork") continue;
      ++forks;
      ExpectGoesOn(sandbox.at("id"), 1, 'w');
    }
    EXPECT_EQ(forks, 2U);
  }

 private:
  [[nodiscard]] std::string Catalog() const { return root_ + "/catalog.db"; }

  // What is watched lasts as far as it was synced, and not at all if it never was. The rest is as
  // it was left: stores that servers have made, and images.
  [[nodiscard]] std::vector<std::string> Watched() const {
    std::vector<std::string> paths{Catalog(), Catalog() + "-wal"};
    if (GetParam().verb != std::string("create")) return paths;
    for (const auto& entry : fs::directory_iterator(root_ + "/sandboxes")) {
      if (entry.path() != StoreOf(Show("web").at("id"))) paths.push_back(entry.path());
    }
    return paths;
  }

  // That a file was removed may be lost, too.
  std::optional<std::string> StoreToBeRemoved() {
    if (GetParam().verb != std::string("destroy")) return std::nullopt;
    std::string store = StoreOf(Show("web").at("id"));
    kept_inode_ = InodeOf(store);
    lasting_[kept_inode_] = support::ReadFile(store);
    return store;
  }

  // What the file has by now will last when the sync is done.
  int Note(const CallAtHand& sync) {
    const std::string descriptor =
        "/proc/" + std::to_string(sync.thread) + "/fd/" + std::to_string(sync.arguments[0]);
    if (fs::is_regular_file(descriptor)) {
      lasting_[InodeOf(descriptor)] = support::ReadFile(descriptor);
    }
    return 0;
  }

  void Restore(const std::string& path) {
    const auto lasting = lasting_.find(InodeOf(path));
    if (lasting == lasting_.end()) {
      fs::remove(path);
    } else {
      support::WriteFile(path, lasting->second);
    }
  }

  std::map<ino_t, std::string> lasting_;  // by inode: a file may get its name later
  ino_t kept_inode_ = 0;
};

TEST_P(VerbPowerCutTest, WhatAVerbHasSaidIsSo) {
  Prepare();
  DoAndCut();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(Ok({"recover"}).at("stuck"), json::array());
  Ok({"gc"});
  ExpectDone();
  ExpectAllAgree();
  CleanUp();
}

INSTANTIATE_TEST_SUITE_P(Verbs, VerbPowerCutTest, ::testing::ValuesIn(EachVerb()), NameOfVerb);

}  // namespace
}  // namespace veneer::lifecycle
