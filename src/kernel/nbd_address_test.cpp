#include "kernel/nbd_address.h"

#include <gtest/gtest.h>

#include <string>

namespace veneer {
namespace {

TEST(NbdAddressTest, APathComesBackAsItWas) {
  for (const std::string path : {"/run/veneer/disks/a.nbd", "/a b/100%/ä?&#=+", "/\xff\x01\n"}) {
    EXPECT_EQ(SocketInUri(NbdUri(path)), path);
  }
}

TEST(NbdAddressTest, AUriIsWhatNbdClientsTake) {
  EXPECT_EQ(NbdUri("/run/a b.nbd"), "nbd+unix:///?socket=/run/a%20b.nbd");
}

TEST(NbdAddressTest, OtherTextIsNoAddress) {
  const std::string prefix = "nbd+unix:///?socket=";
  for (const std::string& text :
       {std::string(), prefix, prefix + "relative", prefix + "/a%2", prefix + "/a%zz",
        prefix + "/a%00b", prefix + "/a&b=c", prefix + "/" + std::string(200, 'x'),
        std::string("nbd://host/"), std::string("/run/a.nbd")}) {
    EXPECT_EQ(SocketInUri(text), std::nullopt) << text;
  }
}

TEST(NbdAddressTest, APathThatIsTooLongForASocketIsRefused) {
  const std::string longest = "/" + std::string(kLongestSocketPath - 1, 'x');
  EXPECT_TRUE(RequireSocketPath(longest));
  EXPECT_EQ(RequireSocketPath(longest + "x").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace veneer
