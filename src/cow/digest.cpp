#include "cow/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/endian.h"
#include "base/zeros.h"

namespace veneer {
namespace {

constexpr std::string_view kMagic("veneer-image-1\0\0", 16);
constexpr std::uint64_t kBlock = std::uint64_t{64} << 10U;
constexpr std::uint64_t kRead = 16 * kBlock;

class Sha256 {
 public:
  static Result<Sha256> Begin() {
    Sha256 sha;
    if (!sha.context_ || ::EVP_DigestInit_ex(sha.context_.get(), ::EVP_sha256(), nullptr) != 1) {
      return Broken();
    }
    return sha;
  }

  Result<void> Add(std::span<const std::byte> bytes) {
    if (::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) return Broken();
    return {};
  }

  Result<void> Add(std::uint64_t number) {
    std::array<std::byte, sizeof number> bytes{};
    StoreLittleEndian(std::span(bytes), 0, number);
    return Add(bytes);
  }

  Result<std::string> Finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (::EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1) return Broken();
    std::string text = "sha256:";
    for (const unsigned char byte : std::span(digest).first(size)) {
      text += fmt::format("{:02x}", byte);
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
  };

  Sha256() : context_(::EVP_MD_CTX_new()) {}
  static std::unexpected<Error> Broken() {
    return Fail(ErrorKind::kUnsupported, "OpenSSL cannot do SHA-256",
                "its configuration on this host may forbid it");
  }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// `part` begins at a block's begin and ends at a block's end or the image's.
Result<void> AddBlocks(Sha256& sha, std::uint64_t first, std::span<const std::byte> part) {
  for (std::uint64_t number = first; !part.empty(); ++number) {
    const auto block = part.first(std::min<std::size_t>(part.size(), kBlock));
    if (!AreZeros(block)) {
      VENEER_TRY(sha.Add(number));
      VENEER_TRY(sha.Add(block));
    }
    part = part.subspan(block.size());
  }
  return {};
}

}  // namespace

Result<std::string> DigestOf(const File& image, const std::function<void(Bytes, Bytes)>& progress) {
  const Bytes size = VENEER_TRY(image.Size());
  Sha256 sha = VENEER_TRY(Sha256::Begin());
  VENEER_TRY(sha.Add(std::as_bytes(std::span(kMagic))));
  VENEER_TRY(sha.Add(size.value()));
  std::vector<std::byte> buffer(std::min(size.value(), kRead));
  for (std::uint64_t at = 0; at < size.value();) {
    const Extent data = VENEER_TRY(image.NextData(ByteOffset(at)));
    if (data.length == Bytes(0) || data.begin.value() >= size.value()) break;
    // Whole blocks, whatever part of them the file system calls data. `at` is a block's begin.
    at = data.begin.value() / kBlock * kBlock;
    while (at < size.value() && at < data.end().value()) {
      const std::uint64_t blocks = (data.end().value() - at + kBlock - 1) / kBlock * kBlock;
      const auto part = std::span(buffer).first(std::min({blocks, kRead, size.value() - at}));
      VENEER_TRY(image.ReadAt(ByteOffset(at), part));
      VENEER_TRY(AddBlocks(sha, at / kBlock, part));
      at += part.size();
      if (progress) progress(Bytes(at), size);
    }
  }
  if (progress) progress(size, size);
  return sha.Finish();
}

}  // namespace veneer
