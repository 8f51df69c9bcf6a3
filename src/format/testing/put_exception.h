// For tests: makes a store look as another engine, or a cut, could have left it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "format/exception.h"
#include "format/geometry.h"

namespace veneer::testing {

// Puts an exception into the first slot of a store with chunks of 4 KiB. The caller sees to it that
// the store stays sound.
inline void PutException(const std::string& path, const Exception& exception) {
  std::array<std::byte, kExceptionBytes> slot{};
  EncodeException(exception, slot, 0);
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  constexpr off_t kFirstArea = 4096;
  const bool written = fd.valid() && ::pwrite(fd.get(), slot.data(), slot.size(), kFirstArea) ==
                                         static_cast<ssize_t>(slot.size());
  if (!written) std::abort();
}

}  // namespace veneer::testing
