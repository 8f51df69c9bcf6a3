// NbdDisk: the answers of an NBD server that serves one disk, whatever speaks the protocol.
//
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md; the words are that text's.
// Ranges lie within the disk: whoever speaks the protocol has checked that. Called by many threads
// at once, from any number of connections: a flush on one covers what was completed on all
// (NBD_FLAG_CAN_MULTI_CONN). Blocks and fails as the disk does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "base/units.h"
#include "cow/cow_disk.h"

namespace veneer {

// NBD_CMD_FLAG_FUA.
enum class Durability : std::uint8_t { kWithFlush, kAtOnce };

enum class ZeroWay : std::uint8_t {
  kHoles,      // blocks go back to the host; costs next to nothing
  kAllocated,  // NBD_CMD_FLAG_NO_HOLE: later writes find room
};

// The least, the best and the most that a request should read or write.
struct BlockSizes {
  std::uint32_t minimum = 1;
  std::uint32_t preferred = 4096;
  std::uint32_t maximum = 0;
};

class NbdDisk {
 public:
  // `disk` outlives this object.
  explicit NbdDisk(CowDisk& disk) : disk_(disk) {}

  [[nodiscard]] Bytes size() const { return disk_.size(); }
  [[nodiscard]] DiskAccess access() const { return disk_.access(); }
  [[nodiscard]] BlockSizes block_sizes() const;

  Result<void> Read(ByteOffset at, std::span<std::byte> out) { return disk_.Read(at, out); }
  Result<void> Write(ByteOffset at, std::span<const std::byte> data, Durability durability);
  Result<void> Zero(ByteOffset at, Bytes length, ZeroWay way, Durability durability);
  Result<void> Trim(ByteOffset at, Bytes length, Durability durability);
  Result<void> Flush() { return disk_.Flush(); }

  // The "base:allocation" of a range. A hole reads as zeros and takes no blocks: in the store, or
  // in the origin where nothing was changed.
  enum class Allocation : std::uint8_t { kData, kHole };
  // Returns false to end the walk.
  using ExtentVisitor = std::function<bool(ByteOffset, Bytes, Allocation)>;
  // In order and without gaps, from `at` on.
  Result<void> VisitExtents(ByteOffset at, Bytes length, const ExtentVisitor& visit);

 private:
  Result<void> Settle(Durability durability);

  CowDisk& disk_;
};

}  // namespace veneer
