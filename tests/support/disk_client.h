// A program's view of an attached disk: a file, a device, or an NBD server's URI.
//
// Past any cache of the caller's. For one thread. What fails says so, and fails the test only where
// the caller expects something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.h"

struct nbd_handle;  // NOLINT(readability-identifier-naming): libnbd's name

namespace veneer::support {

class DiskClient {
 public:
  enum class For : std::uint8_t { kReading, kWriting };

  // valid() tells whether it worked.
  DiskClient(const std::string& path, For purpose);
  DiskClient(const DiskClient&) = delete;
  DiskClient& operator=(const DiskClient&) = delete;
  ~DiskClient() = default;

  [[nodiscard]] bool valid() const { return fd_.valid() || nbd_ != nullptr; }
  [[nodiscard]] bool Read(std::size_t at, std::string& data) const;  // as much as `data` has
  [[nodiscard]] bool Write(std::size_t at, const std::string& data) const;
  [[nodiscard]] bool Flush() const;

 private:
  struct Disconnect {
    void operator()(nbd_handle* handle) const;
  };

  UniqueFd fd_;
  std::unique_ptr<nbd_handle, Disconnect> nbd_;
};

// A sanitizer's library must come first in a program, and nbdkit was built without it.
#ifdef VENEER_SANITIZED
inline constexpr bool kHasNbd = false;
#else
inline constexpr bool kHasNbd = true;
#endif
inline constexpr const char* kNoNbd = "nbdkit cannot load a plugin with a sanitizer";

// Whether the path is that of a disk by NBD.
inline bool IsNbd(const std::string& path) { return path.starts_with("nbd+unix:"); }

}  // namespace veneer::support
