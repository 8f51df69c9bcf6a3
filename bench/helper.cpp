// veneer-bench: what bench/run and bench/kernel cannot do in shell.
//
//   veneer-bench write STORE ORIGIN RUNS BYTES SEED
//       Writes RUNS runs, BYTES in all, to places that SEED decides, through the engine.
//   veneer-bench scatter PATH RUNS BYTES SEED
//       The same to a file or a block device.
//   veneer-bench measure FILE COMMAND…
//       Runs COMMAND, appends "milliseconds peak-rss-in-KiB" to FILE; its status is COMMAND's.
//
// Sandboxes (sandboxes.h):
//   veneer-bench paused ROOT COUNT STORE
//       Adds paused sandboxes, each with a clone of STORE, until COUNT are there.
//   veneer-bench catalog ROOT COUNT FILE
//       COUNT times what a create asks of the catalog, appends "open add update close" in
//       milliseconds to FILE.
//
// Disks of the kernel's way, in this process (dm_disks.h); MAX_CHANGE: bytes, 0 for the whole disk.
//   veneer-bench keep DIR MAX_CHANGE COUNT
//       Attaches or detaches until COUNT are there.
//   veneer-bench time DIR MAX_CHANGE COUNT FILE
//       Attaches and detaches COUNT more, appends "attach detach" in milliseconds to FILE.
//   veneer-bench crowd DIR MAX_CHANGE COUNT THREADS FILE
//       The same by THREADS threads at once; one line, for each disk.
//   veneer-bench bare DIR COUNT FILE
//       The same with the ioctls alone (bare_dm.h); a disk must be there.
//   veneer-bench grow DIR
//       Grows every one that is there to hold a change of all of it.
//   veneer-bench forget-loops
//       Removes the loop devices that no file is on.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bare_dm.h"
#include "dm_disks.h"
#include "sandboxes.h"
#include "scatter.h"

namespace {

using veneer::Bytes;
using veneer::Result;
using veneer::bench::DmDisks;
using veneer::bench::Scatter;
using Arguments = std::span<char*>;

constexpr int kUsageStatus = 2;

int Report(const Result<void>& done) {
  if (done) return 0;
  fmt::print(stderr, "veneer-bench: {}\n", done.error().what);
  return veneer::ExitStatus(done.error().kind);
}

// RUNS BYTES SEED
Scatter ScatterOf(Arguments arguments) {
  return {.runs = std::stoull(arguments[0]),
          .bytes = std::stoull(arguments[1]),
          .seed = std::stoull(arguments[2])};
}

int RunWrite(Arguments arguments) {
  return Report(
      veneer::bench::ScatterOverStore(arguments[0], arguments[1], ScatterOf(arguments.subspan(2))));
}

int RunScatter(Arguments arguments) {
  return Report(veneer::bench::ScatterOverFile(arguments[0], ScatterOf(arguments.subspan(1))));
}

int RunMeasure(Arguments arguments) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  pid_t pid = -1;
  // argv ends with a null pointer, so the rest of it does too.
  const int error = ::posix_spawnp(&pid, arguments[1], nullptr, nullptr, &arguments[1], environ);
  if (error != 0) {
    fmt::print(stderr, "veneer-bench: cannot start {}\n", arguments[1]);
    return 1;
  }
  int status = 0;
  struct rusage usage{};
  if (::wait4(pid, &status, 0, &usage) != pid) return 1;
  const std::chrono::duration<double, std::milli> elapsed = Clock::now() - begin;
  std::ofstream(arguments[0], std::ios::app)
      << fmt::format("{:.2f} {}\n", elapsed.count(), usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// DIR MAX_CHANGE
Result<DmDisks> OpenDisks(Arguments arguments) {
  const std::uint64_t most = std::stoull(arguments[1]);
  return DmDisks::Open({.directory = arguments[0],
                        .max_change = most == 0 ? std::nullopt : std::optional(Bytes(most))});
}

Result<void> Keep(Arguments arguments) {
  auto disks = VENEER_TRY(OpenDisks(arguments));
  return disks.Keep(std::stoul(arguments[2]));
}

Result<void> Time(Arguments arguments) {
  auto disks = VENEER_TRY(OpenDisks(arguments));
  return disks.Time(std::stoul(arguments[2]), arguments[3]);
}

Result<void> Crowd(Arguments arguments) {
  auto disks = VENEER_TRY(OpenDisks(arguments));
  return disks.TimeCrowd(std::stoul(arguments[2]), std::stoul(arguments[3]), arguments[4]);
}

int RunBare(Arguments arguments) {
  return Report(
      veneer::bench::TimeBareIoctls(arguments[0], std::stoul(arguments[1]), arguments[2]));
}

Result<void> Grow(Arguments arguments) {
  auto disks = VENEER_TRY(DmDisks::Open({.directory = arguments[0]}));
  return disks.GrowAll();
}

int RunPaused(Arguments arguments) {
  return Report(veneer::bench::KeepPaused(arguments[0], std::stoul(arguments[1]), arguments[2]));
}

int RunCatalog(Arguments arguments) {
  return Report(veneer::bench::TimeCatalog(arguments[0], std::stoul(arguments[1]), arguments[2]));
}

int RunKeep(Arguments arguments) { return Report(Keep(arguments)); }
int RunTime(Arguments arguments) { return Report(Time(arguments)); }
int RunCrowd(Arguments arguments) { return Report(Crowd(arguments)); }
int RunGrow(Arguments arguments) { return Report(Grow(arguments)); }
int RunForgetLoops(Arguments /*none*/) { return Report(veneer::bench::ForgetFreeLoops()); }

struct Command {
  std::string_view name;
  std::string_view arguments;
  std::size_t count;  // of them
  int (*run)(Arguments);
};

constexpr Command kCommands[] = {
    {"write", "STORE ORIGIN RUNS BYTES SEED", 5, RunWrite},
    {"scatter", "PATH RUNS BYTES SEED", 4, RunScatter},
    {"paused", "ROOT COUNT STORE", 3, RunPaused},
    {"catalog", "ROOT COUNT FILE", 3, RunCatalog},
    {"keep", "DIR MAX_CHANGE COUNT", 3, RunKeep},
    {"time", "DIR MAX_CHANGE COUNT FILE", 4, RunTime},
    {"crowd", "DIR MAX_CHANGE COUNT THREADS FILE", 5, RunCrowd},
    {"bare", "DIR COUNT FILE", 3, RunBare},
    {"grow", "DIR", 1, RunGrow},
    {"forget-loops", "", 0, RunForgetLoops},
};

int Usage() {
  fmt::print(stderr, "usage: veneer-bench measure FILE COMMAND…\n");
  for (const Command& command : kCommands) {
    fmt::print(stderr, "       veneer-bench {} {}\n", command.name, command.arguments);
  }
  return kUsageStatus;
}

int Dispatch(Arguments arguments) {
  if (arguments.size() < 2) return Usage();
  const std::string_view name = arguments[1];
  const Arguments rest = arguments.subspan(2);
  if (name == "measure" && rest.size() >= 2) return RunMeasure(rest);
  for (const Command& command : kCommands) {
    if (name == command.name && rest.size() == command.count) return command.run(rest);
  }
  return Usage();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Dispatch(Arguments(argv, static_cast<std::size_t>(argc)));
  } catch (const std::exception& error) {  // a number that is none
    fmt::print(stderr, "veneer-bench: {}\n", error.what());
    return kUsageStatus;
  }
}
