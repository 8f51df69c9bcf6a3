// SHA-256 (FIPS 180-4) of bytes that come in pieces. Any thread, each object by one at a time.
#pragma once

#include <nettle/sha2.h>

#include <cstddef>
#include <span>
#include <string>

namespace veneer {

class Sha256 {
 public:
  Sha256();

  void Add(std::span<const std::byte> bytes);
  // Of all that was added, in hex. Begins anew.
  [[nodiscard]] std::string Finish();

 private:
  sha256_ctx context_{};
};

}  // namespace veneer
