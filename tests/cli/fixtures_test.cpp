// Stores that a Linux 6.12 kernel wrote, all over one origin.
#include <gmock/gmock.h>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Outcome;
using support::RunVeneer;

struct KernelStore {
  std::string name;
  int exceptions;
  std::string sha256;  // of the whole device, as the kernel showed it
};

void PrintTo(const KernelStore& store, std::ostream* out) { *out << store.name; }

class KernelStoreTest : public CliTest, public ::testing::WithParamInterface<KernelStore> {
 protected:
  std::string base_ = support::Fixture("base.img", dir_.path());
  std::string store_ = support::Fixture(GetParam().name, dir_.path());
};

TEST_P(KernelStoreTest, InfoCountsItsExceptions) {
  const nlohmann::json info = OkJson({"cow", "info", store_});
  EXPECT_EQ(info.at("exceptions"), GetParam().exceptions);
  EXPECT_EQ(info.at("data_bytes"), GetParam().exceptions * 4096);
  EXPECT_EQ(info.at("valid"), true);
}

TEST_P(KernelStoreTest, FlattenGivesWhatTheKernelShowed) {
  Ok({"cow", "flatten", store_, "--origin", base_, "--output", Path("auto.img")});
  EXPECT_EQ(support::Sha256(Path("auto.img")), GetParam().sha256);
  Ok({"cow", "flatten", store_, "--origin", base_, "--output", Path("copy.img"), "--method",
      "copy"});
  EXPECT_EQ(support::Sha256(Path("copy.img")), GetParam().sha256);
}

TEST_P(KernelStoreTest, CheckPasses) {
  EXPECT_EQ(OkJson({"cow", "check", store_, "--origin", base_}).at("ok"), true);
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, KernelStoreTest,
    ::testing::Values(
        KernelStore{"fs4k.cow", 98,
                    "4d418ea22361c694e69f5e314de367bda07fae60477d9cdcc4d6fb268f7fff3d"},
        KernelStore{"sub.cow", 4,
                    "33ec27701009156e53affd5ef776fe0b70716d13fbbea7135a495527141c6846"}),
    [](const auto& instance) {
      return instance.param.name.substr(0, instance.param.name.find('.'));
    });

class InvalidStoreTest : public CliTest {
 protected:
  std::string base_ = support::Fixture("base.img", dir_.path());
  std::string store_ = support::Fixture("inval.cow", dir_.path());
};

TEST_F(InvalidStoreTest, InfoStillTells) {
  const nlohmann::json info = OkJson({"cow", "info", store_});
  EXPECT_EQ(info.at("valid"), false);
  EXPECT_EQ(info.at("file_size"), 1 << 20);
  EXPECT_THAT(Ok({"cow", "info", store_}), ::testing::HasSubstr("INVALID"));
}

TEST_F(InvalidStoreTest, FlattenRefusesIt) {
  const Outcome outcome =
      RunVeneer({"cow", "flatten", store_, "--origin", base_, "--output", Path("flat.img")});
  EXPECT_EQ(outcome.status, 6) << outcome.err;
  EXPECT_EQ(support::Sha256(Path("flat.img")), "");
}

TEST_F(InvalidStoreTest, CheckCallsItInvalid) {
  const Outcome outcome = RunVeneer({"cow", "check", store_, "--json"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("faults").at(0).at("rule"), "invalid");
}

}  // namespace
}  // namespace veneer
