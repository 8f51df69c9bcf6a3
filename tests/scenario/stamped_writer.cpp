#include "scenario/stamped_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "base/unique_fd.h"
#include "support/process.h"

namespace veneer::scenario {
namespace {

constexpr std::chrono::minutes kPatience{2};
constexpr int kWritesPerSync = 16;

using Stamp = std::array<std::uint32_t, 2>;  // block, generation
constexpr std::size_t kStamps = StampedWriter::kBlockBytes / sizeof(Stamp);
struct alignas(4096) Block {
  std::array<Stamp, kStamps> stamps;
};

}  // namespace

struct StampedWriter::Shared {
  std::atomic<std::uint32_t> syncs;
};

StampedWriter::StampedWriter(const std::string& path, int open_flags, Region region)
    : region_(region),
      mapped_(sizeof(Shared) + 2 * sizeof(std::uint32_t) * std::size_t{region.count}) {
  void* memory =
      ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  shared_ = new (memory) Shared{};  // the rest is zeros: nothing begun, nothing durable
  pid_ = ::fork();
  if (pid_ == 0) Write(path, open_flags);
}

StampedWriter::~StampedWriter() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::munmap(shared_, mapped_);
}

std::span<std::uint32_t> StampedWriter::Begun() const {
  return {reinterpret_cast<std::uint32_t*>(shared_ + 1), region_.count};
}

std::span<std::uint32_t> StampedWriter::Durable() const {
  return {Begun().data() + region_.count, region_.count};
}

void StampedWriter::Write(const std::string& path, int open_flags) const {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | open_flags));
  std::minstd_rand random(region_.first + 1);
  std::vector<std::uint32_t> unsynced;
  Block block;
  while (true) {
    const auto index = static_cast<std::uint32_t>(random() % region_.count);
    const std::uint32_t number = region_.first + index;
    block.stamps.fill({number, ++Begun()[index]});
    const ssize_t n = ::pwrite(fd.get(), &block, sizeof block,
                               static_cast<off_t>(number) * static_cast<off_t>(kBlockBytes));
    if (n != static_cast<ssize_t>(sizeof block)) ::_exit(0);
    unsynced.push_back(index);
    if (unsynced.size() < kWritesPerSync) continue;
    if (::fdatasync(fd.get()) != 0) ::_exit(0);
    for (const std::uint32_t done : unsynced) Durable()[done] = Begun()[done];
    unsynced.clear();
    ++shared_->syncs;
  }
}

bool StampedWriter::WaitForSyncs(std::uint32_t count) const {
  return support::Eventually([&] { return shared_->syncs >= count; }, kPatience);
}

bool StampedWriter::WaitForEnd() {
  const bool ended = support::Eventually([&] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; },
                                         std::chrono::minutes(1));
  if (ended) pid_ = -1;
  return ended;
}

std::uint32_t StampedWriter::DurableBlocks() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(Durable(), [](std::uint32_t g) { return g != 0; }));
}

std::string StampedWriter::Verify(const std::string& path) const {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Block block;
  for (std::uint32_t index = 0; index < region_.count; ++index) {
    const std::uint32_t number = region_.first + index;
    const std::string name = "block " + std::to_string(number);
    const ssize_t n = ::pread(fd.get(), &block, sizeof block,
                              static_cast<off_t>(number) * static_cast<off_t>(kBlockBytes));
    if (n != static_cast<ssize_t>(sizeof block)) return name + " cannot be read";
    const auto [stamped, generation] = block.stamps[0];
    if (stamped == 0 && generation == 0 && Durable()[index] == 0) continue;  // never written
    if (stamped != number) return name + " holds another block's data";
    if (generation < Durable()[index]) return name + " lost a write that was synced";
    if (generation > Begun()[index]) return name + " was never written like this";
    const bool whole = std::ranges::all_of(
        block.stamps, [&](const Stamp& stamp) { return stamp == block.stamps[0]; });
    if (!whole) return name + " is torn";
  }
  return "";
}

}  // namespace veneer::scenario
