// FakeFile: a working model of a file on a disk with a write cache, for tests.
//
// It remembers what was synced. After a cut of the power, each 512-byte sector that was written
// since then may hold the last synced contents or any later ones, whatever became of the others:
// nothing is ordered but by a sync. It can be full, and it can be told to fail.
//
// Handles are real Files and may be used by many threads; the rest is for the thread of the test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "kernel/file.h"

namespace veneer::testing {

class FakeFile {
 public:
  enum class Verb : std::uint8_t { kRead, kWrite, kSync, kPunchHole, kAllocate };

  // All zeros, and no block is allocated.
  explicit FakeFile(Bytes size) : size_(size) {}
  // Holds `contents`, all of it synced; pages of zeros are holes.
  explicit FakeFile(std::span<const std::byte> contents);

  // A File on this model, which must outlive it.
  std::unique_ptr<File> Open();

  // What a reader sees now.
  [[nodiscard]] std::vector<std::byte> Contents() const;
  // Blocks of 4 KiB that are not holes.
  [[nodiscard]] Bytes AllocatedBytes() const;
  void Resize(Bytes size);

  // The file system has room for so many more bytes; nullopt: enough.
  void SetFreeSpace(std::optional<Bytes> free);

  // The next call of this verb, after `skip` others, fails with this errno and does nothing.
  void FailNext(Verb verb, int os_errno, unsigned skip = 0);

  // How often this verb was called.
  [[nodiscard]] std::uint64_t Calls(Verb verb) const;

  // Bytes that were read in the range, by any number of reads.
  [[nodiscard]] bool WasRead(ByteOffset at, Bytes length) const;
  void ForgetReads();

  // Called before and after each write, hole, allocation and sync: a moment to pull the plug.
  void OnMoment(std::function<void()> observer) { observer_ = std::move(observer); }

  // What a disk may hold after a cut at this moment. For each unsynced sector `choose` is given
  // the number of its versions since the last sync and picks one: 0 is the synced one.
  using Chooser = std::function<std::size_t(std::uint64_t sector, std::size_t versions)>;
  [[nodiscard]] std::unique_ptr<FakeFile> AfterCut(const Chooser& choose) const;

 private:
  class Handle;
  static constexpr std::size_t kSector = 512;
  static constexpr std::size_t kPage = 4096;
  using Sector = std::array<std::byte, kSector>;
  using Page = std::array<std::byte, kPage>;

  struct Failure {
    int os_errno;
    unsigned skip;
  };

  Result<void> Enter(Verb verb);
  void Moment() const;
  Result<void> ReadAt(ByteOffset at, std::span<std::byte> out);
  Result<void> WriteAt(ByteOffset at, std::span<const std::byte> data);
  Result<void> Sync();
  Result<void> PunchHole(ByteOffset at, Bytes length);
  Result<void> Allocate(ByteOffset at, Bytes length);
  Result<Extent> NextData(ByteOffset from) const;

  Result<void> TakePages(ByteOffset at, Bytes length);
  void Overwrite(ByteOffset at, Bytes length, const std::byte* data);
  [[nodiscard]] Sector SectorNow(std::uint64_t sector) const;

  mutable std::recursive_mutex mutex_;
  Bytes size_;
  std::map<std::uint64_t, Page> pages_;  // by number; a hole has none
  // The synced contents and each later version of the sectors written since the last sync.
  std::map<std::uint64_t, std::vector<Sector>> unsynced_;
  std::optional<Bytes> free_;
  std::map<Verb, Failure> failures_;
  std::map<Verb, std::uint64_t> calls_;
  std::vector<Extent> reads_;
  std::function<void()> observer_;
};

}  // namespace veneer::testing
