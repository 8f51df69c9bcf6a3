// A program that writes to a disk and keeps account of what must be there when the disk dies.
//
// Each 4 KiB block it writes is full of a stamp: (block, generation). What it has begun to write
// and what a completed fdatasync has made durable is kept in memory shared with the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

namespace veneer::scenario {

class StampedWriter {
 public:
  static constexpr std::size_t kBlockBytes = 4096;

  struct Region {
    std::uint32_t first = 0;  // block
    std::uint32_t count = 0;
  };

  // Starts writing at once, at random blocks of the region, with `open_flags` on top of O_RDWR,
  // until a write or sync fails.
  StampedWriter(const std::string& path, int open_flags, Region region);
  StampedWriter(const StampedWriter&) = delete;
  StampedWriter& operator=(const StampedWriter&) = delete;
  ~StampedWriter();

  // Waits until so many syncs have completed. False where it takes minutes.
  [[nodiscard]] bool WaitForSyncs(std::uint32_t count) const;

  // Waits until it has met an error, or kills it where it does not in a minute (false).
  [[nodiscard]] bool WaitForEnd();

  // What is wrong with the disk at `path` now; empty where every block is at least as new as its
  // last completed sync, and no newer than its last write.
  [[nodiscard]] std::string Verify(const std::string& path) const;

  // The number of blocks that must not be as they were.
  [[nodiscard]] std::uint32_t DurableBlocks() const;

 private:
  struct Shared;

  [[noreturn]] void Write(const std::string& path, int open_flags) const;
  [[nodiscard]] std::span<std::uint32_t> Begun() const;
  [[nodiscard]] std::span<std::uint32_t> Durable() const;

  Region region_;
  std::size_t mapped_ = 0;
  Shared* shared_ = nullptr;
  pid_t pid_ = -1;
};

}  // namespace veneer::scenario
