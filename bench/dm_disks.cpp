#include "dm_disks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "backend/instance.h"
#include "base/unique_fd.h"
#include "cow/create.h"

namespace veneer::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

std::string PathOf(const std::string& name) { return "/dev/mapper/veneer-" + name; }

std::string NameOf(std::size_t number) { return fmt::format("bench-{:04}", number); }

// Does `verb` to each, by so many threads at once; the first failure, if any.
template <class Verb>
Result<void> ByThreads(std::size_t threads, const std::vector<DiskRequest>& disks, Verb verb) {
  std::atomic<std::size_t> next = 0;
  std::vector<Result<void>> done(threads);
  {
    std::vector<std::jthread> running;
    running.reserve(threads);
    for (Result<void>& mine : done) {
      running.emplace_back([&] {
        for (std::size_t at = next++; mine && at < disks.size(); at = next++)
          mine = verb(disks[at]);
      });
    }
  }
  for (Result<void>& each : done) VENEER_TRY(std::move(each));
  return {};
}

}  // namespace

Result<DmDisks> DmDisks::Open(StorePlan plan) {
  const char* const root = std::getenv("VENEER_ROOT");
  const char* const run = std::getenv("VENEER_RUN");
  if (root == nullptr || run == nullptr) {
    return Fail(ErrorKind::kUsage, "VENEER_ROOT and VENEER_RUN are not set");
  }
  std::string instance = VENEER_TRY(InstanceOf(root));
  return DmDisks(std::move(plan), std::make_unique<HostDmBackend>(
                                      DmPlace{.run_dir = run, .instance = std::move(instance)}));
}

std::string DmDisks::StoreOf(const std::string& name) const {
  return fmt::format("{}/{}.cow", plan_.directory, name);
}

Result<DiskRequest> DmDisks::NewDisk(const std::string& name) const {
  DiskRequest request{
      .store = StoreOf(name), .origin = plan_.directory + "/template.img", .name = name};
  const auto origin = VENEER_TRY(LinuxFile::Open(request.origin, Access::kReadOnly));
  const Bytes size = VENEER_TRY(origin->Size());
  VENEER_TRY(CreateStore(
      request.store,
      {.chunk_size = ChunkSize(), .origin_size = size, .max_change = plan_.max_change}));
  return request;
}

Result<void> DmDisks::Drop(const std::string& name) {
  VENEER_TRY(backend_->Detach(PathOf(name)));
  std::filesystem::remove(StoreOf(name));
  return {};
}

Result<void> DmDisks::Keep(std::size_t count) {
  std::vector<std::string> disks = VENEER_TRY(backend_->List());
  for (; disks.size() > count; disks.pop_back()) VENEER_TRY(Drop(disks.back()));
  for (std::size_t number = disks.size(); number < count; ++number) {
    const DiskRequest request = VENEER_TRY(NewDisk(NameOf(number)));
    VENEER_TRY(backend_->Attach(request));
  }
  return {};
}

Result<void> DmDisks::Time(std::size_t more, const std::string& times) {
  const DiskRequest first = VENEER_TRY(NewDisk("first"));
  VENEER_TRY(backend_->Attach(first));
  VENEER_TRY(Drop(first.name));
  std::vector<DiskRequest> requests;
  requests.reserve(more);
  for (std::size_t number = 0; number < more; ++number) {
    requests.push_back(VENEER_TRY(NewDisk(fmt::format("more-{}", number))));
  }
  std::vector<Milliseconds> attach;
  attach.reserve(more);
  for (const DiskRequest& request : requests) {
    const Clock::time_point begin = Clock::now();
    VENEER_TRY(backend_->Attach(request));
    attach.emplace_back(Clock::now() - begin);
  }
  std::ofstream out(times, std::ios::app);
  for (std::size_t number = 0; number < more; ++number) {
    const Clock::time_point begin = Clock::now();
    VENEER_TRY(backend_->Detach(PathOf(requests[number].name)));
    const Milliseconds detach = Clock::now() - begin;
    out << fmt::format("{:.3f} {:.3f}\n", attach[number].count(), detach.count());
    std::filesystem::remove(requests[number].store);
  }
  return {};
}

Result<void> DmDisks::TimeCrowd(std::size_t more, std::size_t threads, const std::string& times) {
  std::vector<DiskRequest> requests;
  requests.reserve(more);
  for (std::size_t number = 0; number < more; ++number) {
    requests.push_back(VENEER_TRY(NewDisk(fmt::format("crowd-{}", number))));
  }
  const auto each = [&](auto verb) -> Result<double> {
    const Clock::time_point begin = Clock::now();
    VENEER_TRY(ByThreads(threads, requests, verb));
    return Milliseconds(Clock::now() - begin).count() / static_cast<double>(more);
  };
  const auto attach_one = [&](const DiskRequest& request) -> Result<void> {
    VENEER_TRY(backend_->Attach(request));
    return {};
  };
  const auto detach_one = [&](const DiskRequest& request) {
    return backend_->Detach(PathOf(request.name));
  };
  const double attach = VENEER_TRY(each(attach_one));
  const double detach = VENEER_TRY(each(detach_one));
  std::ofstream(times, std::ios::app) << fmt::format("{:.3f} {:.3f}\n", attach, detach);
  for (const DiskRequest& request : requests) std::filesystem::remove(request.store);
  return {};
}

Result<void> DmDisks::GrowAll() {
  const std::vector<std::string> disks = VENEER_TRY(backend_->List());
  const auto origin =
      VENEER_TRY(LinuxFile::Open(plan_.directory + "/template.img", Access::kReadOnly));
  const Bytes size = VENEER_TRY(origin->Size());
  for (const std::string& disk : disks) VENEER_TRY(backend_->Grow(PathOf(disk), size));
  return {};
}

Result<void> ForgetFreeLoops() {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return FailErrno(errno, "open /dev/loop-control");
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("loop") || std::filesystem::exists(entry.path() / "loop")) continue;
    const int number = std::stoi(name.substr(4));
    if (::ioctl(control.get(), LOOP_CTL_REMOVE, number) != 0 && errno != EBUSY) {
      return FailErrno(errno, fmt::format("remove /dev/{}", name));
    }
  }
  return {};
}

}  // namespace veneer::bench
