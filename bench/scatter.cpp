#include "scatter.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "cow/cow_disk.h"
#include "kernel/linux/linux_file.h"

namespace veneer::bench {
namespace {

constexpr std::uint64_t kBlock = 4096;

using WriteAt = std::function<Result<void>(ByteOffset, std::span<const std::byte>)>;

// Bytes that no compressor or hole finder can make small.
std::vector<std::byte> RandomBytes(std::uint64_t size, std::mt19937_64& random) {
  std::vector<std::byte> bytes(size);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

Result<void> WriteRuns(const Scatter& scatter, Bytes size, const WriteAt& write) {
  std::mt19937_64 random(scatter.seed);
  // From half to one and a half of the mean: runs of files, not all of one size.
  const std::uint64_t mean = scatter.bytes / scatter.runs / kBlock;
  std::uniform_int_distribution<std::uint64_t> length(mean / 2 + 1, mean + mean / 2);
  const std::vector<std::byte> data = RandomBytes(2 * mean * kBlock, random);
  const std::uint64_t blocks = size.value() / kBlock;
  for (std::uint64_t run = 0; run < scatter.runs; ++run) {
    const std::uint64_t count = length(random);
    // One run in each stretch of the disk, so that they do not meet.
    const std::uint64_t stretch = blocks / scatter.runs;
    std::uniform_int_distribution<std::uint64_t> slack(0, stretch > count ? stretch - count : 0);
    const std::uint64_t block = run * stretch + slack(random);
    VENEER_TRY(write(ByteOffset(block * kBlock), std::span(data).first(count * kBlock)));
  }
  return {};
}

}  // namespace

Result<void> ScatterOverStore(const std::string& store, const std::string& origin,
                              const Scatter& scatter) {
  auto origin_file = VENEER_TRY(LinuxFile::Open(origin, Access::kReadOnly));
  auto store_file = VENEER_TRY(LinuxFile::Open(store, Access::kReadWrite));
  const auto disk = VENEER_TRY(
      CowDisk::Open(std::move(origin_file), std::move(store_file), DiskAccess::kReadWrite));
  VENEER_TRY(WriteRuns(scatter, disk->size(),
                       [&](ByteOffset at, auto data) { return disk->Write(at, data); }));
  return disk->Flush();
}

Result<void> ScatterOverFile(const std::string& path, const Scatter& scatter) {
  const auto file = VENEER_TRY(LinuxFile::Open(path, Access::kReadWrite));
  const Bytes size = VENEER_TRY(file->Size());
  VENEER_TRY(
      WriteRuns(scatter, size, [&](ByteOffset at, auto data) { return file->WriteAt(at, data); }));
  return file->Sync();
}

}  // namespace veneer::bench
