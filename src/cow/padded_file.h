// PaddedFile: a file with zeros behind its end: the origin of a disk that is larger than its image.
//
// For reading only. Takes no memory and no space for the zeros. Threads, errors and blocking are
// those of the file inside.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "base/result.h"
#include "base/units.h"
#include "kernel/file.h"

namespace veneer {

class PaddedFile final : public File {
 public:
  // `file_size`: of `file`, as it will stay; `size`: with the zeros, not below it.
  PaddedFile(std::unique_ptr<File> file, Bytes file_size, Bytes size)
      : file_(std::move(file)), file_size_(file_size), size_(size) {}

  Result<void> ReadAt(ByteOffset at, std::span<std::byte> out) const override;
  [[nodiscard]] Result<Bytes> Size() const override { return size_; }
  [[nodiscard]] Result<Extent> NextData(ByteOffset from) const override;

  // kUsage (EROFS).
  Result<void> WriteAt(ByteOffset at, std::span<const std::byte> data) override;
  Result<void> PunchHole(ByteOffset at, Bytes length) override;
  Result<void> Allocate(ByteOffset at, Bytes length) override;
  Result<void> Sync() override { return {}; }

 private:
  [[nodiscard]] ByteOffset file_end() const { return ByteOffset(file_size_.value()); }

  std::unique_ptr<File> file_;
  Bytes file_size_;
  Bytes size_;
};

}  // namespace veneer
