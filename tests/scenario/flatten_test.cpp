// Flatten on real file systems: those that share blocks, and those that do not.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

using support::Outcome;

struct FileSystem {
  std::string name;
  std::string reflinks;  // the method that auto takes
  std::vector<std::string> make;
};

void PrintTo(const FileSystem& file_system, std::ostream* out) { *out << file_system.name; }

class FlattenOnTest : public ScenarioTest, public ::testing::WithParamInterface<FileSystem> {
 protected:
  void SetUp() override {
    ScenarioTest::SetUp();
    std::filesystem::create_directory(Path("fs"));
    if (GetParam().make.empty()) {
      MustRun({"mount", "-t", GetParam().name, "-o", "size=256M", "fs", Path("fs")});
    } else {
      support::MakeZeros(Path("fs.img"), std::size_t{512} << 20U);
      std::vector<std::string> make = GetParam().make;
      make.push_back(Path("fs.img"));
      MustRun(make);
      MustRun({"mount", "-o", "loop", Path("fs.img"), Path("fs")});
    }
    origin_ = Path("fs/origin.img");
    store_ = Path("fs/disk.cow");
  }
  void TearDown() override {
    MustRun({"umount", Path("fs")});
    ScenarioTest::TearDown();
  }

  // Changes at odd places, zeroed chunks, and a last chunk that is partial.
  void WriteADisk() {
    MustRun({"dd", "if=/dev/urandom", "of=" + origin_, "bs=1M", "count=8", "status=none"});
    std::filesystem::resize_file(origin_, (std::uint64_t{32} << 20U) + 1000);
    Ok({"cow", "create", store_, "--origin", origin_, "--chunk-size", "16K"});
    const Attached disk = Attach(Path("disk"));
    for (const char* seek : {"3", "1000", "5000", "20000", "65530"}) {
      MustRun({"dd", "if=/dev/urandom", "of=" + disk.path, "bs=512", "count=7", "conv=notrunc",
               std::string("seek=") + seek, "status=none"});
    }
    MustRun({"dd", "if=/dev/urandom", "of=" + disk.path, "bs=1M", "count=3", "conv=notrunc",
             "seek=20", "status=none"});
    MustRun({"fallocate", "--punch-hole", "--offset", "2097152", "--length", "1048576", disk.path});
    MustRun({"fallocate", "--punch-hole", "--offset", "21000000", "--length", "500000", disk.path});
    shown_ = support::Sha256(disk.path);
    Detach(disk.path);
  }

  Outcome Flatten(const std::string& method) const {
    return Veneer({"cow", "flatten", store_, "--origin", origin_, "--output", Path("fs/out"),
                   "--method", method, "--json"});
  }

  std::string shown_;  // SHA-256 of the attached disk
};

TEST_P(FlattenOnTest, GivesWhatTheDiskShowed) {
  WriteADisk();
  for (const std::string method : {"auto", "copy", "reflink"}) {
    const std::string expected = method == "copy" ? "copy" : GetParam().reflinks;
    const Outcome outcome = Flatten(method);
    if (method == "reflink" && GetParam().reflinks != "reflink") {
      EXPECT_EQ(outcome.status, 7) << outcome.err;
      EXPECT_FALSE(std::filesystem::exists(Path("fs/out")));
      continue;
    }
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(nlohmann::json::parse(outcome.out).at("method"), expected);
    EXPECT_EQ(support::Sha256(Path("fs/out")), shown_) << method;
    std::filesystem::remove(Path("fs/out"));
  }
}

TEST_P(FlattenOnTest, HolesStayHoles) {
  WriteADisk();
  ASSERT_EQ(Flatten("auto").status, 0);
  // 8 MiB of the origin less the one that was punched, 3 MiB of changes, and the single chunks.
  const std::string blocks = MustRun({"stat", "--format=%b", Path("fs/out")});
  EXPECT_LT(std::stoull(blocks) * 512, std::uint64_t{11} << 20U);
}

INSTANTIATE_TEST_SUITE_P(
    FileSystems, FlattenOnTest,
    ::testing::Values(FileSystem{"xfs", "reflink", {"mkfs.xfs", "-q", "-m", "reflink=1"}},
                      FileSystem{"ext4", "copy", {"mkfs.ext4", "-q"}},
                      FileSystem{"tmpfs", "copy", {}}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace veneer::scenario
