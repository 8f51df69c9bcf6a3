#include "base/sha256.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace veneer {

Sha256::Sha256() { ::sha256_init(&context_); }

void Sha256::Add(std::span<const std::byte> bytes) {
  ::sha256_update(&context_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

std::string Sha256::Finish() {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  ::sha256_digest(&context_, digest.size(), digest.data());
  std::string hex;
  for (const std::uint8_t byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace veneer
