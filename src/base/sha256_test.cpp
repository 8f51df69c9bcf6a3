#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string_view>

namespace veneer {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// The examples of FIPS 180-4, as NIST publishes them.
TEST(Sha256Test, GivesTheStandardsExamples) {
  Sha256 sha;
  EXPECT_EQ(sha.Finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha.Add(Bytes("abc"));
  EXPECT_EQ(sha.Finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PiecesAreAsGoodAsTheWhole) {
  Sha256 sha;
  sha.Add(Bytes("abcdbcdecdefdefgefghfghighij"));
  sha.Add({});
  sha.Add(Bytes("hijkijkljklmklmnlmnomnopnopq"));
  EXPECT_EQ(sha.Finish(), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace
}  // namespace veneer
