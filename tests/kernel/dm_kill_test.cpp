// Kills attach, detach and the clone of a store at every system call; `veneer gc` then leaves
// nothing behind and nobody waiting, and what was flushed before is in the store.
//
// A guest's CPU is emulated: without VENEER_STORM it is killed at all calls that change anything,
// and at some of those that only look.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>

#include "cow/check.h"
#include "cow/flatten.h"
#include "kernel/dm_host.h"
#include "kernel/linux/linux_file.h"
#include "support/kill_at.h"

namespace veneer::kernel_test {
namespace {

using support::kKilled;
using support::Outcome;

// What changes anything outside of the process. (A close may, and is among those that look.)
const std::set<std::string> kSteps{
    "ioctl",  "pwrite64", "ftruncate", "fallocate", "unlink", "fdatasync",      "fsync",
    "rename", "mknod",    "mknodat",   "mkdir",     "linkat", "copy_file_range"};
constexpr std::size_t kOfThoseThatLook = 5;  // one in so many

std::vector<support::SystemCall> Chosen(const std::vector<support::SystemCall>& calls) {
  if (std::getenv("VENEER_STORM") != nullptr) return calls;
  std::vector<support::SystemCall> chosen;
  std::size_t looks = 0;
  for (const support::SystemCall& call : calls) {
    if (kSteps.contains(call.name) || looks++ % kOfThoseThatLook == 0) chosen.push_back(call);
  }
  return chosen;
}

class DmKillTest : public DmHost {
 protected:
  void SetUp() override {
    DmHost::SetUp();
    MakeImage(MiB(1));
    MakeStore("a", "4K", {"--size", "2M"});  // with a padded origin: the most steps
    const std::string path = Attach(*dm_, "a");
    flushed_ = support::ReadFile(image_);
    flushed_.resize(MiB(2).value(), '\0');
    const std::string data = Pattern(100'000, 4);
    ASSERT_EQ(Write(path, 5000, data), 0);
    flushed_.replace(5000, data.size(), data);
    Detach(*dm_, path);
    Ok({"gc"});  // the first command of all notes the run directory
  }

  [[nodiscard]] std::vector<std::string> AttachCommand() const {
    return Command({"cow", "attach", StoreOf("a"), "--origin", image_, "--backend", "dm", "--name",
                    "a", "--json"});
  }
  [[nodiscard]] std::vector<std::string> DetachCommand() const {
    return Command({"cow", "detach", DevicePath("a"), "--json"});
  }

  [[nodiscard]] std::vector<std::string> CloneCommand() const {
    return {VENEER_CLONE_STORE, root_, run_, DevicePath("a"), Path("clone")};
  }

  // Kills the command at each of the calls, and has `judge` look at what it left. `prepare` makes
  // what it works on, each time.
  void KillAtEach(const std::vector<support::SystemCall>& calls,
                  const std::vector<std::string>& command, const std::function<void()>& prepare,
                  const std::function<void()>& judge) {
    for (const support::SystemCall& call : calls) {
      SCOPED_TRACE("cut at " + call.name + " " + std::to_string(call.occurrence));
      prepare();
      const Outcome outcome =
          support::Run(support::KilledAt(call, command), support::UnderTracer());
      ASSERT_EQ(outcome.status, kKilled) << outcome.err;
      judge();
      ASSERT_FALSE(HasFailure());
    }
  }

  // A store is sound and holds what was flushed; without a process for each look.
  void ExpectFlushedIsThere() { ExpectFlushedIsIn(StoreOf("a")); }
  void ExpectFlushedIsIn(const std::string& path) {
    const auto image = LinuxFile::Open(image_, Access::kReadOnly);
    const auto store = LinuxFile::Open(path, Access::kReadOnly);
    ASSERT_TRUE(Succeeds(image));
    ASSERT_TRUE(Succeeds(store));
    const auto report =
        CheckStore(**store, MiB(1), [](const Fault& fault) { ADD_FAILURE() << fault.message; });
    ASSERT_TRUE(Succeeds(report));
    ASSERT_TRUE(Succeeds(Flatten(**image, **store, Path("flat"), {.replace = Replace::kExisting})));
    EXPECT_TRUE(support::ReadFile(Path("flat")) == flushed_);
  }

  void WriteFlushed(const std::string& path, std::size_t at) {
    const std::string data = Pattern(4096, static_cast<unsigned>(at));
    ASSERT_EQ(Write(path, at, data), 0);
    flushed_.replace(at, data.size(), data);
  }

  // After a cut: what is there is a disk that works, or goes with gc.
  void ExpectGcCleansUp() {
    Ok({"gc"});
    if (!Devices().empty()) {
      EXPECT_EQ(Records(), std::vector<std::string>{"a"});
      EXPECT_TRUE(Read(DevicePath("a"), 0, flushed_.size()) == flushed_);
      Detach(*dm_, DevicePath("a"));
      ++alive_;
    }
    ExpectNothingIsLeft();
    ExpectFlushedIsThere();
  }

  std::string flushed_;
  unsigned alive_ = 0;  // cuts after which the disk was attached
};

TEST_F(DmKillTest, AnAttachThatIsKilledAnywhereLeavesNothing) {
  const auto all = support::TraceSystemCalls(AttachCommand());
  Detach(*dm_, DevicePath("a"));
  const auto calls = Chosen(all);
  KillAtEach(calls, AttachCommand(), [] {}, [&] { ExpectGcCleansUp(); });
  std::cout << "attach: killed at " << calls.size() << " of " << all.size()
            << " system calls; attached after " << alive_ << " of them\n";
  EXPECT_GT(all.size(), 50U);
}

TEST_F(DmKillTest, AnAttachOfAnEmptyStoreThatIsKilledLeavesAnEmptyStore) {
  std::filesystem::remove(StoreOf("a"));
  MakeStore("a");
  flushed_ = support::ReadFile(image_);
  auto calls = support::TraceSystemCalls(AttachCommand());
  Detach(*dm_, DevicePath("a"));
  // The rest is as in the test above.
  std::erase_if(calls, [](const auto& call) { return !kSteps.contains(call.name); });
  // Made anew where the cut took the record: it is to be there at each cut.
  const auto make_anew = [&] {
    std::filesystem::remove(StoreOf("a"));
    MakeStore("a");
  };
  KillAtEach(calls, AttachCommand(), make_anew, [&] { ExpectGcCleansUp(); });
  std::cout << "attach of an empty store: killed at " << calls.size() << " system calls\n";
  EXPECT_GT(calls.size(), 20U);
}

TEST_F(DmKillTest, ADetachThatIsKilledAnywhereIsFinishedByGc) {
  Attach(*dm_, "a");
  const auto all = support::TraceSystemCalls(DetachCommand());
  const auto calls = Chosen(all);
  std::size_t at = 0;
  const auto attach_and_write = [&] {
    WriteFlushed(Attach(*dm_, "a"), at);
    at = (at + 8192) % MiB(1).value();
  };
  KillAtEach(calls, DetachCommand(), attach_and_write, [&] { ExpectGcCleansUp(); });
  std::cout << "detach: killed at " << calls.size() << " of " << all.size()
            << " system calls; still attached after " << alive_ << " of them\n";
  EXPECT_GT(all.size(), 30U);
}

TEST_F(DmKillTest, ACloneThatIsKilledAnywhereHoldsNobodyBackAfterGc) {
  const std::string path = Attach(*dm_, "a");
  const auto all = support::TraceSystemCalls(CloneCommand());
  const auto calls = Chosen(all);
  ExpectFlushedIsIn(Path("clone"));
  unsigned suspended = 0;
  unsigned cloned = 0;
  std::size_t at = 0;
  const auto write = [&] {
    std::filesystem::remove(Path("clone"));
    WriteFlushed(path, at);
    at = (at + 8192) % MiB(1).value();
  };
  const auto expect_it_runs = [&] {
    if (devices_.Query("veneer-a")->suspended) ++suspended;
    Ok({"gc"});
    EXPECT_FALSE(devices_.Query("veneer-a")->suspended);
    EXPECT_EQ(dm_->Attached().value(), std::vector<std::string>{path});
    EXPECT_TRUE(Read(path, 0, flushed_.size()) == flushed_);
    if (!std::filesystem::exists(Path("clone"))) return;
    ++cloned;
    ExpectFlushedIsIn(Path("clone"));
  };
  KillAtEach(calls, CloneCommand(), write, expect_it_runs);
  std::cout << "clone: killed at " << calls.size() << " of " << all.size()
            << " system calls; suspended after " << suspended << " of them, cloned after " << cloned
            << "\n";
  EXPECT_GT(suspended, calls.size() == all.size() ? 3U : 0U);
  EXPECT_GT(cloned, 0U);
  Detach(*dm_, path);
  ExpectFlushedIsThere();
}

}  // namespace
}  // namespace veneer::kernel_test
