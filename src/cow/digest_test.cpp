#include "cow/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel/testing/fake_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

constexpr std::uint64_t kBlock = 65536;

// A block of "a", a block of zeros, a block with a single 1, and 100 bytes of "z".
std::vector<std::byte> Sample() {
  std::vector<std::byte> bytes(3 * kBlock + 100);
  std::fill_n(bytes.begin(), kBlock, std::byte{'a'});
  bytes[2 * kBlock + 5] = std::byte{1};
  std::fill_n(bytes.begin() + 3 * kBlock, 100, std::byte{'z'});
  return bytes;
}

std::string DigestOfBytes(const std::vector<std::byte>& bytes) {
  testing::FakeFile model{std::span<const std::byte>(bytes)};
  return DigestOf(*model.Open()).value();
}

// Python, with `image` as above:
//   h = hashlib.sha256(b"veneer-image-1\0\0" + struct.pack("<Q", len(image)))
//   for i in range(0, len(image), 65536):
//     if any(image[i:i+65536]): h.update(struct.pack("<Q", i // 65536) + image[i:i+65536])
TEST(DigestTest, IsTheOneOfTheDescription) {
  EXPECT_EQ(DigestOfBytes(Sample()),
            "sha256:2a37899ac67da18ddbbd7a41c2e3b30d30d6b2cfa3ef6d5f228c29b11a44fa00");
  EXPECT_EQ(DigestOfBytes({}),
            "sha256:ce3cd7a73bbb00dbcb845ffaf255e9cbf3aa332b6e89afc6e08df1e731bf4577");
}

TEST(DigestTest, DoesNotDependOnWhereHolesAre) {
  const std::vector<std::byte> sample = Sample();
  const testing::TempDirectory dir;
  const auto solid = testing::MakeFile(dir / "solid", Bytes(sample.size()));
  ASSERT_TRUE(solid->WriteAt(ByteOffset(0), sample));
  const auto holey = testing::MakeFile(dir / "holey", Bytes(sample.size()));
  ASSERT_TRUE(holey->WriteAt(ByteOffset(0), std::span(sample).first(kBlock)));
  // Two extents in one block, the first of them zeros.
  ASSERT_TRUE(holey->WriteAt(ByteOffset(kBlock + 8192), std::vector<std::byte>(4096)));
  ASSERT_TRUE(holey->WriteAt(ByteOffset(2 * kBlock), std::span(sample).subspan(2 * kBlock, 4096)));
  ASSERT_TRUE(holey->WriteAt(ByteOffset(2 * kBlock + 16384), std::vector<std::byte>(4096)));
  ASSERT_TRUE(holey->WriteAt(ByteOffset(3 * kBlock), std::span(sample).subspan(3 * kBlock)));
  ASSERT_LT(holey->AllocatedBytes().value(), solid->AllocatedBytes().value());
  EXPECT_EQ(DigestOf(*holey).value(), DigestOf(*solid).value());
  EXPECT_EQ(DigestOf(*holey).value(), DigestOfBytes(sample));
}

TEST(DigestTest, OneBitMakesAnother) {
  const std::string digest = DigestOfBytes(Sample());
  for (const std::uint64_t at : {std::uint64_t{0}, kBlock, 3 * kBlock - 1, 3 * kBlock + 99}) {
    std::vector<std::byte> changed = Sample();
    changed[at] ^= std::byte{4};
    EXPECT_NE(DigestOfBytes(changed), digest) << at;
  }
}

TEST(DigestTest, ZerosAtTheEndCountByTheSize) {
  std::vector<std::byte> longer = Sample();
  longer.resize(longer.size() + 1);
  EXPECT_NE(DigestOfBytes(longer), DigestOfBytes(Sample()));
}

TEST(DigestTest, ABlockElsewhereMakesAnother) {
  std::vector<std::byte> first(2 * kBlock);
  std::vector<std::byte> second(2 * kBlock);
  first[0] = std::byte{1};
  second[kBlock] = std::byte{1};
  EXPECT_NE(DigestOfBytes(first), DigestOfBytes(second));
}

// Read whole, a tebibyte would take longer than any test may.
TEST(DigestTest, DoesNotReadHoles) {
  constexpr Bytes kTebibyte = GiB(1024);
  const testing::TempDirectory dir;
  const auto file = testing::MakeFile(dir / "large", kTebibyte);
  const std::vector<std::byte> data(5000, std::byte{'x'});
  ASSERT_TRUE(file->WriteAt(ByteOffset(GiB(700).value() + 12345), data));
  std::vector<std::pair<Bytes, Bytes>> heard;
  const auto digest =
      DigestOf(*file, [&](Bytes done, Bytes all) { heard.emplace_back(done, all); });
  ASSERT_TRUE(digest);
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back(), std::pair(kTebibyte, kTebibyte));
  EXPECT_TRUE(std::ranges::is_sorted(heard));
}

TEST(DigestTest, AReadErrorIsItsError) {
  const std::vector<std::byte> bytes = Sample();
  testing::FakeFile model{std::span<const std::byte>(bytes)};
  model.FailNext(testing::FakeFile::Verb::kRead, EIO, 1);
  EXPECT_EQ(DigestOf(*model.Open()).error().os_errno, EIO);
}

}  // namespace
}  // namespace veneer
