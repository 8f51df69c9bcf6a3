// RangeCopier: moves stretches between files as cheaply as the file system allows.
//
// Blocks on both files; for one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

class RangeCopier {
 public:
  enum class Sharing : std::uint8_t {
    kReflink,  // clone blocks (FICLONERANGE); copy what is not aligned to them
    kAllowed,  // copy_file_range(2), which shares blocks where the file system likes to
    kNever,    // read and write
  };

  explicit RangeCopier(Sharing sharing) : sharing_(sharing) {}

  // kUnsupported where the file system of the two cannot share blocks between them.
  static Result<void> CloneWhole(const LinuxFile& from, LinuxFile& to);

  // Bytes that were not cloned: they are in the page cache, and need a sync of their own.
  [[nodiscard]] Bytes copied() const { return copied_; }

  // Copies `length` bytes; both files hold the range already.
  Result<void> Copy(const LinuxFile& from, ByteOffset from_at, LinuxFile& to, ByteOffset to_at,
                    Bytes length);

  // The same for a range that is a hole in `to`: only what is data in `from` is copied, and the
  // rest stays a hole. `copied` hears of each step; may be empty.
  Result<void> CopyData(const LinuxFile& from, ByteOffset from_at, LinuxFile& to, ByteOffset to_at,
                        Bytes length, const std::function<void(Bytes)>& copied);

 private:
  Result<void> CopyBytes(const LinuxFile& from, ByteOffset from_at, LinuxFile& to, ByteOffset to_at,
                         Bytes length);

  Sharing sharing_;
  Bytes copied_;
  std::vector<std::byte> buffer_;
};

}  // namespace veneer
