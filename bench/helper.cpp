// veneer-bench: what bench/run cannot do in shell.
//
//   veneer-bench write STORE ORIGIN RUNS BYTES SEED
//       Writes RUNS runs, BYTES in all, to places that SEED decides, through the engine.
//   veneer-bench measure FILE COMMAND…
//       Runs COMMAND, appends "milliseconds peak-rss-in-KiB" to FILE; its status is COMMAND's.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cow/cow_disk.h"
#include "kernel/linux/linux_file.h"

namespace {

using veneer::ByteOffset;
using veneer::Bytes;
using veneer::Result;

constexpr std::uint64_t kBlock = 4096;
constexpr int kUsageStatus = 2;

struct WriteRequest {
  std::string store;
  std::string origin;
  std::uint64_t runs;
  std::uint64_t bytes;
  std::uint64_t seed;
};

// Bytes that no compressor or hole finder can make small.
std::vector<std::byte> RandomBytes(std::uint64_t size, std::mt19937_64& random) {
  std::vector<std::byte> bytes(size);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

Result<void> WriteRuns(const WriteRequest& request) {
  using veneer::Access;
  using veneer::LinuxFile;
  auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  auto store = VENEER_TRY(LinuxFile::Open(request.store, Access::kReadWrite));
  const auto disk = VENEER_TRY(
      veneer::CowDisk::Open(std::move(origin), std::move(store), veneer::DiskAccess::kReadWrite));
  std::mt19937_64 random(request.seed);
  // From half to one and a half of the mean: runs of files, not all of one size.
  const std::uint64_t mean = request.bytes / request.runs / kBlock;
  std::uniform_int_distribution<std::uint64_t> length(mean / 2 + 1, mean + mean / 2);
  const std::vector<std::byte> data = RandomBytes(2 * mean * kBlock, random);
  const std::uint64_t blocks = disk->size().value() / kBlock;
  for (std::uint64_t run = 0; run < request.runs; ++run) {
    const std::uint64_t count = length(random);
    // One run in each stretch of the disk, so that they do not meet.
    const std::uint64_t stretch = blocks / request.runs;
    std::uniform_int_distribution<std::uint64_t> slack(0, stretch > count ? stretch - count : 0);
    const std::uint64_t block = run * stretch + slack(random);
    VENEER_TRY(disk->Write(ByteOffset(block * kBlock), std::span(data).first(count * kBlock)));
  }
  return disk->Flush();
}

int RunWrite(std::span<char*> arguments) {
  const WriteRequest request{arguments[0], arguments[1], std::stoull(arguments[2]),
                             std::stoull(arguments[3]), std::stoull(arguments[4])};
  const Result<void> done = WriteRuns(request);
  if (done) return 0;
  fmt::print(stderr, "veneer-bench: {}\n", done.error().what);
  return veneer::ExitStatus(done.error().kind);
}

int RunMeasure(std::span<char*> arguments) {
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

int Usage() {
  fmt::print(stderr,
             "usage: veneer-bench write STORE ORIGIN RUNS BYTES SEED\n"
             "       veneer-bench measure FILE COMMAND…\n");
  return kUsageStatus;
}

int Dispatch(std::span<char*> arguments) {
  if (arguments.size() == 7 && std::string_view(arguments[1]) == "write") {
    return RunWrite(arguments.subspan(2));
  }
  if (arguments.size() >= 4 && std::string_view(arguments[1]) == "measure") {
    return RunMeasure(arguments.subspan(2));
  }
  return Usage();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Dispatch(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const std::exception& error) {  // a number that is none
    fmt::print(stderr, "veneer-bench: {}\n", error.what());
    return kUsageStatus;
  }
}
