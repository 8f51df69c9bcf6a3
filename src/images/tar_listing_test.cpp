#include "images/tar_listing.h"

#include <gtest/gtest.h>

#include <string>

namespace veneer {
namespace {

Result<TarListing> Listed(const std::string& text, Bytes largest = GiB(1)) {
  TarListing listing(largest);
  VENEER_TRY(listing.Add(text));
  VENEER_TRY(listing.Finish());
  return listing;
}

std::string Member(const std::string& name, const std::string& mode = "-rw-r--r--",
                   const std::string& size = "0") {
  return mode + " 0/0 " + size + " 2024-01-31 12:00 " + name + "\n";
}

ErrorKind KindFor(const std::string& text) { return Listed(text).error().kind; }

TEST(TarListingTest, CountsMembersAndTheirBytes) {
  const TarListing listing =
      Listed(Member("./", "drwxr-xr-x") + Member("./a", "-rw-r--r--", "12") +
             Member("./b c", "-rw-r--r--", "          30") + Member("./null", "crw-rw-rw-", "1,3"))
          .value();
  EXPECT_EQ(listing.members(), 4U);
  EXPECT_EQ(listing.bytes(), Bytes(42));
}

TEST(TarListingTest, TakesTheListingInAnyPieces) {
  const std::string text = Member("./a", "-rw-r--r--", "12") + Member("./b", "-rw-r--r--", "30");
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    TarListing listing(GiB(1));
    EXPECT_TRUE(listing.Add(text.substr(0, cut)));
    EXPECT_TRUE(listing.Add(text.substr(cut)));
    EXPECT_TRUE(listing.Finish());
    EXPECT_EQ(listing.bytes(), Bytes(42)) << cut;
  }
}

TEST(TarListingTest, RefusesNamesThatLeadOut) {
  for (const char* name : {"/etc/passwd", "..", "../a", "a/../b", "a/..", "./..", "/"}) {
    EXPECT_EQ(KindFor(Member(name)), ErrorKind::kCorrupt) << name;
    const std::string hard_link = std::string("./a link to ") + name;
    EXPECT_EQ(KindFor(Member(hard_link, "hrw-r--r--")), ErrorKind::kCorrupt) << name;
    const std::string symbolic = std::string(name) + " -> x";
    EXPECT_EQ(KindFor(Member(symbolic, "lrwxrwxrwx")), ErrorKind::kCorrupt) << name;
  }
}

TEST(TarListingTest, DotsWithinNamesAndTargetsOfSymbolicLinksAreFine) {
  EXPECT_TRUE(Listed(Member("..a/b../...")));
  EXPECT_TRUE(Listed(Member("./a -> ../../etc/passwd", "lrwxrwxrwx")));
  EXPECT_TRUE(Listed(Member("./a -> /etc/passwd", "lrwxrwxrwx")));
  EXPECT_TRUE(Listed(Member("./a link to ./b", "hrw-r--r--")));
}

TEST(TarListingTest, StopsAtTheLimit) {
  EXPECT_TRUE(Listed(Member("a", "-rw-r--r--", "100"), Bytes(100)));
  const std::string two = Member("a", "-rw-r--r--", "100") + Member("b", "-rw-r--r--", "1");
  EXPECT_EQ(Listed(two, Bytes(100)).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(Listed(Member("a", "Crw-r--r--", "101"), Bytes(100)).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(Listed(Member("a", "?rw-r--r--", "101"), Bytes(100)).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(Listed(Member("a", "-rw-r--r--", "18446744073709551615")).error().kind,
            ErrorKind::kNoSpace);
}

TEST(TarListingTest, AnyOtherTextIsCorrupt) {
  for (const char* text :
       {"", "\n", "junk\n", "-rw-r--r-- 0/0 12 2024-01-31 12:00\n",
        "-rw-r--r-- 0/0 12 2024-01-31 12:00 \n", "-rw-r--r-- 0/0 12x 2024-01-31 12:00 a\n",
        "-rw-r--r-- 0/0 99999999999999999999 2024-01-31 12:00 a\n",
        "hrw-r--r-- 0/0 0 2024-01-31 12:00 a\n", "-rw-r--r-- 0/0 12 2024-01-31 12:00 a"}) {
    EXPECT_EQ(KindFor(text), ErrorKind::kCorrupt) << text;
  }
  EXPECT_EQ(KindFor(std::string(100'000, 'a')), ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace veneer
