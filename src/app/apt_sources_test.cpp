#include "app/apt_sources.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(DebianCodename, IsReadOnDebianOnly) {
  EXPECT_EQ(DebianCodename("NAME=\"Debian\"\nID=debian\nVERSION_CODENAME=bookworm\n"), "bookworm");
  EXPECT_EQ(DebianCodename("ID=\"debian\"\nVERSION_CODENAME=\"trixie\"\n"), "trixie");
  EXPECT_EQ(DebianCodename("ID=ubuntu\nVERSION_CODENAME=noble\n"), "");
  EXPECT_EQ(DebianCodename(""), "");
}

TEST(OffersMainOf, ReadsOneLineSources) {
  EXPECT_TRUE(OffersMainOf("# hm\ndeb [arch=amd64] http://d.example/debian bookworm main contrib\n",
                           "bookworm"));
  EXPECT_FALSE(OffersMainOf("# deb http://d.example/debian bookworm main\n", "bookworm"));
  EXPECT_FALSE(OffersMainOf("deb-src http://d.example/debian bookworm main\n", "bookworm"));
  EXPECT_FALSE(OffersMainOf("deb http://pg.example/apt bookworm-pgdg main\n", "bookworm"));
  EXPECT_FALSE(OffersMainOf("deb http://x.example/debian bookworm stable\n", "bookworm"));
}

TEST(OffersMainOf, ReadsStanzas) {
  const std::string stanza =
      "Types: deb deb-src\nURIs: http://d.example/debian\nSuites: bookworm bookworm-updates\n"
      "Components: main\n";
  EXPECT_TRUE(OffersMainOf(stanza, "bookworm"));
  EXPECT_FALSE(OffersMainOf(stanza, "trixie"));
  EXPECT_FALSE(OffersMainOf("Enabled: no\n" + stanza, "bookworm"));
  EXPECT_TRUE(
      OffersMainOf("Types: deb\nSuites: nodistro\nComponents: main\n\n" + stanza, "bookworm"));
}

TEST(OffersMainOf, PartsOfDifferentStanzasDoNotAddUp) {
  EXPECT_FALSE(
      OffersMainOf("Types: deb\nSuites: bookworm\nComponents: stable\n\n"
                   "Types: deb\nSuites: nodistro\nComponents: main\n",
                   "bookworm"));
}

}  // namespace
}  // namespace veneer
