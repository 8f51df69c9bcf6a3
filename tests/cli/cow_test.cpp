// The cow commands on good input.
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>

#include "cli/cli_test.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

using nlohmann::json;
using support::Outcome;
using support::RunVeneer;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class CowTest : public CliTest {
 protected:
  // A store over an origin of `size` zeros.
  std::string StoreOver(std::size_t size) {
    support::MakeZeros(Path("origin.img"), size);
    Ok({"cow", "create", Path("a.cow"), "--origin", Path("origin.img")});
    return Path("a.cow");
  }
};

TEST_F(CowTest, CreateSaysWhatItMade) {
  support::MakeZeros(Path("origin.img"), 64 * kMiB);
  const json made = OkJson(
      {"cow", "create", Path("a.cow"), "--origin", Path("origin.img"), "--chunk-size", "8K"});
  // n + floor(n / E) + 2 chunks for n = 8192 and E = 512.
  EXPECT_EQ(made, json({{"path", Path("a.cow")},
                        {"file_size", 8210 * 8192},
                        {"chunk_size", 8192},
                        {"origin_size", 64 * kMiB},
                        {"disk_size", 64 * kMiB},
                        {"capacity_chunks", 8210}}));
  EXPECT_EQ(std::filesystem::file_size(Path("a.cow")), 8210U * 8192U);
}

TEST_F(CowTest, CreateSizesTheStoreForWhatMayChange) {
  support::MakeZeros(Path("origin.img"), 64 * kMiB);
  const json made = OkJson(
      {"cow", "create", Path("a.cow"), "--origin", Path("origin.img"), "--max-change", "1M"});
  EXPECT_EQ(made.at("capacity_chunks"), 256 + 1 + 2);
}

TEST_F(CowTest, ADiskMayBeLargerThanItsImage) {
  support::WriteFile(Path("origin.img"), std::string(kMiB + 1, 'o'));
  const json made =
      OkJson({"cow", "create", Path("a.cow"), "--origin", Path("origin.img"), "--size", "4M"});
  EXPECT_EQ(made.at("origin_size"), kMiB + 1);
  EXPECT_EQ(made.at("disk_size"), 4 * kMiB);
  EXPECT_EQ(made.at("capacity_chunks"), 1024 + 4 + 2);
  const json info = OkJson({"cow", "info", Path("a.cow")});
  EXPECT_EQ(info.at("origin_size"), kMiB + 1);
  EXPECT_EQ(info.at("disk_size"), 4 * kMiB);
  EXPECT_THAT(Ok({"cow", "info", Path("a.cow")}),
              HasSubstr("disk size    4.0 MiB (4194304 bytes)"));
  Ok({"cow", "check", Path("a.cow"), "--origin", Path("origin.img")});
  Ok({"cow", "flatten", Path("a.cow"), "--origin", Path("origin.img"), "--output", Path("f.img")});
  EXPECT_EQ(support::ReadFile(Path("f.img")),
            std::string(kMiB + 1, 'o') + std::string(3 * kMiB - 1, '\0'));
}

TEST_F(CowTest, ASizeThatIsTheImagesOwnMayBeOdd) {
  support::MakeZeros(Path("origin.img"), 777);
  const json made =
      OkJson({"cow", "create", Path("a.cow"), "--origin", Path("origin.img"), "--size", "777"});
  EXPECT_EQ(made.at("disk_size"), 777);
}

TEST_F(CowTest, FillAndGrowWorkOnAStoreThatIsNotAttached) {
  support::MakeZeros(Path("origin.img"), kMiB);
  Ok({"cow", "create", Path("a.cow"), "--origin", Path("origin.img"), "--size", "4M",
      "--max-change", "40K"});
  EXPECT_EQ(OkJson({"cow", "fill", Path("a.cow")}), json({{"path", Path("a.cow")},
                                                          {"condition", "good"},
                                                          {"used_bytes", 2 * 4096},
                                                          {"capacity_bytes", 12 * 4096},
                                                          {"fill", 2.0 / 12}}));
  const json grown = OkJson({"cow", "grow", Path("a.cow"), "--max-change", "80K"});
  EXPECT_EQ(grown.at("capacity_bytes"), 22 * 4096);
  EXPECT_EQ(OkJson({"cow", "fill", Path("a.cow")}), grown);
  EXPECT_THAT(Ok({"cow", "grow", Path("a.cow")}), HasSubstr("capacity   4.0 MiB (4218880 bytes)"));
  EXPECT_EQ(std::filesystem::file_size(Path("a.cow")), (1024U + 4U + 2U) * 4096U);
  Ok({"cow", "check", Path("a.cow"), "--origin", Path("origin.img")});
}

TEST_F(CowTest, AStoreThatTheKernelGaveUpSaysSoInItsFill) {
  const std::string store = support::Fixture("inval.cow", dir_.path());
  EXPECT_EQ(OkJson({"cow", "fill", store}).at("condition"), "invalid");
  EXPECT_THAT(Ok({"cow", "fill", store}), HasSubstr("veneer cow check"));
}

TEST_F(CowTest, CreateTellsPeopleInBinaryUnits) {
  support::MakeZeros(Path("origin.img"), 64 * kMiB);
  const std::string text = Ok({"cow", "create", Path("a.cow"), "--origin", Path("origin.img")});
  EXPECT_THAT(text, HasSubstr("chunk size   4.0 KiB (4096 bytes)\n"));
  EXPECT_THAT(text, HasSubstr("origin size  64 MiB (67108864 bytes)\n"));
}

TEST_F(CowTest, InfoOnANewStoreIsValidAndEmpty) {
  const json info = OkJson({"cow", "info", StoreOver(64 * kMiB)});
  EXPECT_EQ(info.at("valid"), true);
  EXPECT_EQ(info.at("version"), 1);
  EXPECT_EQ(info.at("chunk_size"), 4096);
  EXPECT_EQ(info.at("exceptions"), 0);
  EXPECT_EQ(info.at("data_bytes"), 0);
  EXPECT_EQ(info.at("origin_size"), 64 * kMiB);
  EXPECT_EQ(info.at("file_size"), std::filesystem::file_size(Path("a.cow")));
  EXPECT_EQ(info.at("capacity_chunks"), 16384 + 64 + 2);
  EXPECT_LT(info.at("fill"), 0.001);
  struct stat status{};
  ASSERT_EQ(::stat(Path("a.cow").c_str(), &status), 0);
  EXPECT_EQ(info.at("allocated_bytes"), status.st_blocks * 512);
}

TEST_F(CowTest, AStoreOfZerosIsAnEmptyStore) {
  const std::string base = support::Fixture("base.img", dir_.path());
  support::MakeZeros(Path("zeros.cow"), kMiB);
  const json info = OkJson({"cow", "info", Path("zeros.cow")});
  EXPECT_EQ(info.at("valid"), true);
  EXPECT_EQ(info.at("exceptions"), 0);
  EXPECT_EQ(OkJson({"cow", "list", Path("zeros.cow")}), json::array());
  EXPECT_EQ(OkJson({"cow", "check", Path("zeros.cow")}).at("ok"), true);
  const json flat =
      OkJson({"cow", "flatten", Path("zeros.cow"), "--origin", base, "--output", Path("flat.img")});
  EXPECT_EQ(flat.at("changed_bytes"), 0);
  EXPECT_EQ(flat.at("runs"), 0);
  EXPECT_EQ(support::Sha256(Path("flat.img")), support::Sha256(base));
}

TEST_F(CowTest, ListShowsEachRunAsTextAndAsJson) {
  const std::string store = support::Fixture("sub.cow", dir_.path());
  const std::string text = Ok({"cow", "list", store});
  const json runs = OkJson({"cow", "list", store});
  ASSERT_TRUE(runs.is_array());
  ASSERT_FALSE(runs.empty());
  std::string expected;
  int chunks = 0;
  for (const json& run : runs) {
    chunks += run.at("count").get<int>();
    expected += run.at("origin_chunk").dump() + " " + run.at("store_chunk").dump() + " " +
                run.at("count").dump() + "\n";
  }
  EXPECT_EQ(text, expected);
  EXPECT_EQ(chunks, 4);
  // Sectors 1 3 7 1000 9999 16000 in chunks of 8.
  EXPECT_EQ(runs.front().at("origin_chunk"), 0);
  EXPECT_EQ(runs.back().at("origin_chunk"), 2000);
}

TEST_F(CowTest, CheckOfAGoodStoreIsOk) {
  const std::string base = support::Fixture("base.img", dir_.path());
  const std::string store = support::Fixture("fs4k.cow", dir_.path());
  EXPECT_EQ(Ok({"cow", "check", store}), "ok: 98 exceptions, no fault\n");
  const json report = OkJson({"cow", "check", store, "--origin", base});
  EXPECT_EQ(
      report,
      json({{"ok", true}, {"exceptions", 98}, {"faults", json::array()}, {"fault_count", 0}}));
}

TEST_F(CowTest, CheckNamesEachFaultAndExitsWith6) {
  const std::string store = support::Fixture("sub.cow", dir_.path());
  std::filesystem::resize_file(store, std::uintmax_t{4096} * 3);  // only the first exception fits
  const Outcome text = RunVeneer({"cow", "check", store});
  EXPECT_EQ(text.status, 6);
  EXPECT_THAT(text.out, HasSubstr("faults in 4 exceptions\n"));
  const Outcome outcome = RunVeneer({"cow", "check", store, "--json"});
  EXPECT_EQ(outcome.status, 6);
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report.at("ok"), false);
  ASSERT_EQ(report.at("fault_count"), 3);
  ASSERT_EQ(report.at("faults").size(), 3U);
  for (const json& fault : report.at("faults")) {
    EXPECT_THAT(text.out, HasSubstr(fault.at("rule").get<std::string>() + ": " +
                                    fault.at("message").get<std::string>() + "\n"));
  }
}

TEST_F(CowTest, FlattenReportsWhatItDid) {
  const std::string base = support::Fixture("base.img", dir_.path());
  const std::string store = support::Fixture("sub.cow", dir_.path());
  const json report =
      OkJson({"cow", "flatten", store, "--origin", base, "--output", Path("flat.img")});
  EXPECT_THAT(report.at("method"), ::testing::AnyOf("reflink", "copy"));
  EXPECT_EQ(report.at("size"), 64 * kMiB);
  EXPECT_EQ(report.at("changed_bytes"), 4 * 4096);
  EXPECT_GE(report.at("runs"), 1);
  EXPECT_GE(report.at("elapsed_ms"), 0);
  const std::string text = Ok({"cow", "flatten", store, "--origin", base, "--output",
                               Path("flat2.img"), "--method", "copy"});
  EXPECT_THAT(text, HasSubstr("method   copy\n"));
}

TEST_F(CowTest, FlattenWithForceReplacesTheOutput) {
  const std::string base = support::Fixture("base.img", dir_.path());
  const std::string store = support::Fixture("sub.cow", dir_.path());
  support::WriteFile(Path("flat.img"), "old");
  Ok({"cow", "flatten", store, "--origin", base, "--output", Path("flat.img"), "--force"});
  EXPECT_EQ(std::filesystem::file_size(Path("flat.img")), 64 * kMiB);
}

TEST_F(CowTest, AStoreThatIsAttachedForWritingIsNeitherFlattenedNorChecked) {
  const std::string store = StoreOver(kMiB);
  const auto holder = LinuxFile::Open(store, Access::kReadWrite).value();
  ASSERT_TRUE(holder->TryLock(LinuxFile::Lock::kExclusive));
  const Outcome flatten = RunVeneer(
      {"cow", "flatten", store, "--origin", Path("origin.img"), "--output", Path("flat.img")});
  EXPECT_EQ(flatten.status, 4) << flatten.err;
  EXPECT_THAT(flatten.err, HasSubstr("attached"));
  EXPECT_FALSE(std::filesystem::exists(Path("flat.img")));
  EXPECT_EQ(RunVeneer({"cow", "check", store}).status, 4);
  const Outcome grow = RunVeneer({"cow", "grow", store});
  EXPECT_EQ(grow.status, 4);
  EXPECT_THAT(grow.err, HasSubstr("name the path that attach printed"));
  EXPECT_EQ(RunVeneer({"cow", "fill", store}).status, 0);
  EXPECT_EQ(RunVeneer({"cow", "info", store}).status, 0);
  EXPECT_EQ(RunVeneer({"cow", "list", store}).status, 0);
}

TEST_F(CowTest, OneThatIsAttachedForReadingIsFlattened) {
  const std::string store = StoreOver(kMiB);
  const auto holder = LinuxFile::Open(store, Access::kReadOnly).value();
  ASSERT_TRUE(holder->TryLock(LinuxFile::Lock::kShared));
  Ok({"cow", "flatten", store, "--origin", Path("origin.img"), "--output", Path("flat.img")});
}

TEST_F(CowTest, AttachWithoutDeviceMapperSaysWhatToLoad) {
  if (std::filesystem::exists("/dev/mapper/control")) GTEST_SKIP() << "this host has it";
  const std::string store = StoreOver(kMiB);
  const Outcome outcome = RunVeneer(
      {"cow", "attach", store, "--origin", Path("origin.img"), "--backend", "dm", "--name", "n"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("modprobe dm-mod"));
}

TEST_F(CowTest, OutputThatCannotBeWrittenIsAFailure) {
  const std::string store = StoreOver(kMiB);
  const Outcome outcome = support::Run(
      {"sh", "-c", "exec \"$0\" cow info \"$1\" > /dev/full", support::Program(), store});
  EXPECT_EQ(outcome.status, 5);
  EXPECT_THAT(outcome.err, HasSubstr("standard output"));
}

}  // namespace
}  // namespace veneer
