// Upload: the body of a request in a file without a name, which goes with its descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "images/space.h"

namespace veneer::api {

class Upload {
 public:
  // In a directory of a file system that has nameless files. `size`: of the body, where it is
  // known. kNoSpace where it would use up the reserve.
  static Result<Upload> Begin(const std::string& directory, std::optional<Bytes> size,
                              const SpaceReserve& reserve);

  // kNoSpace also where what was written since the last look would use up the reserve.
  Result<void> Append(std::string_view bytes);

  [[nodiscard]] const UniqueFd& fd() const { return fd_; }

 private:
  Upload(UniqueFd fd, std::string directory, SpaceReserve reserve)
      : fd_(std::move(fd)), directory_(std::move(directory)), reserve_(reserve) {}

  UniqueFd fd_;
  std::string directory_;
  SpaceReserve reserve_;
  Bytes unchecked_;
};

}  // namespace veneer::api
