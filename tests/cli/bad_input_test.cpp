// Bad input: each has its exit status, one line that says what to do, and changes nothing on disk.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "cli/cli_test.h"

namespace veneer {
namespace {

using support::Outcome;
using support::RunVeneer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

struct BadCommand {
  std::string name;
  std::vector<std::string> arguments;  // "@x": the path of x in the test's directory
  int status;
};

void PrintTo(const BadCommand& command, std::ostream* out) { *out << command.name; }

const std::map<int, std::string> kKindOfStatus = {
    {1, "failed"},   {2, "usage"},   {3, "not_found"},   {4, "conflict"},
    {5, "no_space"}, {6, "corrupt"}, {7, "unsupported"},
};

// What a write would change: names, sizes, blocks and times of everything under a directory.
std::string Snapshot(const std::filesystem::path& directory) {
  std::map<std::string, std::string> entries;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status{};
    EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
    entries[entry.path()] = std::to_string(status.st_ino) + " " + std::to_string(status.st_size) +
                            " " + std::to_string(status.st_blocks) + " " +
                            std::to_string(status.st_mtim.tv_sec) + "." +
                            std::to_string(status.st_mtim.tv_nsec);
  }
  std::string text;
  for (const auto& [path, entry] : entries) text.append(path).append(" ").append(entry) += "\n";
  return text;
}

class BadInputTest : public CliTest, public ::testing::WithParamInterface<BadCommand> {
 protected:
  void SetUp() override {
    support::MakeZeros(Path("base.img"), 64 * kMiB);
    WriteExt4Magic(Path("base.img"));
    std::filesystem::create_hard_link(Path("base.img"), Path("base-link.img"));
    support::Fixture("inval.cow", dir_.path());
    support::Fixture("sub.cow", dir_.path());
    const std::string head = support::ReadHead(Path("sub.cow"), std::size_t{4096} * 3);
    support::WriteFile(Path("cut.cow"), head);
    support::WriteFile(Path("cut-in-area.cow"), head.substr(0, 4096 + 40));
    Ok({"cow", "create", Path("made.cow"), "--origin", Path("base.img")});
    support::WriteFile(Path("empty"), "");
    support::WriteFile(Path("short.cow"), std::string(100, 'x'));
    support::WriteFile(Path("text.cow"), std::string(kMiB, 'x'));
    support::MakeZeros(Path("other.img"), kMiB);
    support::WriteFile(Path("taken.img"), "somebody's");
    std::filesystem::create_directory(Path("dir"));
    ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  }

  [[nodiscard]] std::vector<std::string> Arguments() const {
    std::vector<std::string> arguments;
    for (const std::string& argument : GetParam().arguments) {
      arguments.push_back(argument.starts_with('@') ? Path(argument.substr(1)) : argument);
    }
    return arguments;
  }

  static void WriteExt4Magic(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1024 + 56);
    file.write("\x53\xef", 2);
  }
};

TEST_P(BadInputTest, IsRefusedInOneLineAndChangesNothing) {
  const std::string before = Snapshot(dir_.path());
  const Outcome outcome = RunVeneer(Arguments());
  EXPECT_EQ(outcome.status, GetParam().status) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("veneer: "));
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("; ")) << "it does not say what to do";
  EXPECT_EQ(Snapshot(dir_.path()), before);
}

TEST_P(BadInputTest, IsRefusedInJsonToo) {
  const std::string before = Snapshot(dir_.path());
  std::vector<std::string> arguments = {"--json"};
  for (std::string& argument : Arguments()) arguments.push_back(std::move(argument));
  const Outcome outcome = RunVeneer(arguments);
  EXPECT_EQ(outcome.status, GetParam().status);
  EXPECT_EQ(outcome.out, "");
  const auto json = nlohmann::json::parse(outcome.err, nullptr, false);
  ASSERT_TRUE(json.is_object()) << outcome.err;
  EXPECT_EQ(json.at("error").at("kind"), kKindOfStatus.at(GetParam().status));
  EXPECT_NE(json.at("error").at("message"), "");
  EXPECT_NE(json.at("error").at("hint"), "");
  EXPECT_EQ(Snapshot(dir_.path()), before);
}

std::string NameOf(const ::testing::TestParamInfo<BadCommand>& instance) {
  return instance.param.name;
}

using NamedSize = std::pair<std::string, std::string>;
const std::vector<NamedSize> kNoSizes = {
    {"Zero", "0"},
    {"Negative", "-1"},
    {"UnknownUnit", "7Q"},
    {"Word", "big"},
    {"Empty", ""},
    {"Overflow", "99999999999999999999"},
    {"UnitOverflow", "9999999P"},
};

BadCommand With(BadCommand command, const std::vector<std::string>& more) {
  command.arguments.insert(command.arguments.end(), more.begin(), more.end());
  return command;
}

std::vector<BadCommand> BadCreates() {
  const auto create = [](std::string name, const std::string& file, const std::string& origin,
                         int status, const std::vector<std::string>& more = {}) {
    return With({std::move(name), {"cow", "create", file, "--origin", origin}, status}, more);
  };
  std::vector<BadCommand> all = {
      create("OriginIsMissing", "@n.cow", "@no", 3),
      create("OriginIsADirectory", "@n.cow", "@dir", 2),
      create("OriginIsAPipe", "@n.cow", "@pipe", 2),
      create("OriginIsEmpty", "@n.cow", "@empty", 2),
      create("StoreExists", "@made.cow", "@base.img", 4),
      create("StoreIsItsOrigin", "@base.img", "@base.img", 4),
      create("StoreIsADirectory", "@dir", "@base.img", 4),
      create("DirectoryIsMissing", "@no/n.cow", "@base.img", 3),
      {"NoOrigin", {"cow", "create", "@n.cow"}, 2},
      {"NoFile", {"cow", "create", "--origin", "@base.img"}, 2},
  };
  std::vector<NamedSize> bad_chunk_sizes = kNoSizes;
  bad_chunk_sizes.insert(
      bad_chunk_sizes.end(),
      {{"NotAPowerOfTwo", "12K"}, {"Odd", "5000"}, {"TooSmall", "512"}, {"TooLarge", "2M"}});
  for (const auto& [name, size] : bad_chunk_sizes) {
    all.push_back(create("ChunkSize" + name, "@n.cow", "@base.img", 2, {"--chunk-size", size}));
  }
  for (const auto& [name, size] : kNoSizes) {
    all.push_back(create("MaxChange" + name, "@n.cow", "@base.img", 2, {"--max-change=" + size}));
    all.push_back(create("Size" + name, "@n.cow", "@base.img", 2, {"--size=" + size}));
  }
  all.push_back(create("SizeBelowTheImage", "@n.cow", "@base.img", 2, {"--size", "67108352"}));
  all.push_back(create("SizeWithAPartialSector", "@n.cow", "@base.img", 2, {"--size=67108865"}));
  all.push_back(create("SizeBeyondAnyFile", "@n.cow", "@base.img", 2, {"--size=8191P"}));
  return all;
}

INSTANTIATE_TEST_SUITE_P(Create, BadInputTest, ::testing::ValuesIn(BadCreates()), NameOf);

std::vector<BadCommand> BadReads() {
  std::vector<BadCommand> all;
  for (const std::string command : {"info", "list"}) {
    for (const auto& [name, file, status] : std::vector<std::tuple<std::string, std::string, int>>{
             {"Missing", "@no", 3},
             {"Directory", "@dir", 2},
             {"Pipe", "@pipe", 2},
             {"Empty", "@empty", 6},
             {"TooSmall", "@short.cow", 6},
             {"Foreign", "@text.cow", 6},
             {"AnImage", "@base.img", 6},
             {"CutInAnArea", "@cut-in-area.cow", 6},
         }) {
      all.push_back({command + name, {"cow", command, file}, status});
    }
  }
  all.push_back({"checkMissing", {"cow", "check", "@no"}, 3});
  all.push_back({"checkDirectory", {"cow", "check", "@dir"}, 2});
  all.push_back({"checkOriginMissing", {"cow", "check", "@sub.cow", "--origin", "@no"}, 3});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Read, BadInputTest, ::testing::ValuesIn(BadReads()), NameOf);

std::vector<BadCommand> BadFlattens() {
  const auto flatten = [](std::string name, const std::string& store, const std::string& origin,
                          const std::string& output, int status,
                          const std::vector<std::string>& more = {}) {
    return With({std::move(name),
                 {"cow", "flatten", store, "--origin", origin, "--output", output},
                 status},
                more);
  };
  return {
      flatten("StoreMissing", "@no", "@base.img", "@n.img", 3),
      flatten("OriginMissing", "@sub.cow", "@no", "@n.img", 3),
      flatten("StoreEmpty", "@empty", "@base.img", "@n.img", 6),
      flatten("StoreTooSmall", "@short.cow", "@base.img", "@n.img", 6),
      flatten("StoreForeign", "@text.cow", "@base.img", "@n.img", 6),
      flatten("StoreIsAnImage", "@base.img", "@sub.cow", "@n.img", 6),
      flatten("StoreCut", "@cut.cow", "@base.img", "@n.img", 6),
      flatten("StoreCutInAnArea", "@cut-in-area.cow", "@base.img", "@n.img", 6),
      flatten("StoreInvalid", "@inval.cow", "@base.img", "@n.img", 6),
      flatten("StoreIsADirectory", "@dir", "@base.img", "@n.img", 2),
      flatten("OriginIsADirectory", "@sub.cow", "@dir", "@n.img", 2),
      flatten("OriginOfAnotherSize", "@made.cow", "@other.img", "@n.img", 6),
      flatten("OriginTooSmallForItsExceptions", "@sub.cow", "@other.img", "@n.img", 6),
      flatten("OriginEmpty", "@sub.cow", "@empty", "@n.img", 6),
      flatten("OutputExists", "@sub.cow", "@base.img", "@taken.img", 4),
      flatten("OutputIsTheOrigin", "@sub.cow", "@base.img", "@base.img", 4, {"--force"}),
      flatten("OutputIsALinkToTheOrigin", "@sub.cow", "@base.img", "@base-link.img", 4,
              {"--force"}),
      flatten("OutputIsTheStore", "@sub.cow", "@base.img", "@sub.cow", 4, {"--force"}),
      flatten("OutputIsADirectory", "@sub.cow", "@base.img", "@dir", 4, {"--force"}),
      flatten("OutputDirectoryMissing", "@sub.cow", "@base.img", "@no/n.img", 3),
      flatten("MethodUnknown", "@sub.cow", "@base.img", "@n.img", 2, {"--method", "fast"}),
      {"NoOutput", {"cow", "flatten", "@sub.cow", "--origin", "@base.img"}, 2},
  };
}

INSTANTIATE_TEST_SUITE_P(Flatten, BadInputTest, ::testing::ValuesIn(BadFlattens()), NameOf);

std::vector<BadCommand> BadAttaches() {
  const auto attach = [](std::string name, const std::string& store, const std::string& origin,
                         int status, const std::vector<std::string>& more = {}) {
    return With(
        {std::move(name), {"cow", "attach", store, "--origin", origin, "--at", "@n.img"}, status},
        more);
  };
  return {
      attach("StoreMissing", "@no", "@base.img", 3),
      attach("OriginMissing", "@sub.cow", "@no", 3),
      attach("StoreEmpty", "@empty", "@base.img", 6),
      attach("StoreForeign", "@text.cow", "@base.img", 6),
      attach("StoreIsAnImage", "@base.img", "@sub.cow", 6),
      attach("StoreInvalid", "@inval.cow", "@base.img", 6),
      attach("StoreIsADirectory", "@dir", "@base.img", 2),
      attach("OriginOfAnotherSize", "@made.cow", "@other.img", 6),
      attach("DeviceMapperWithAPath", "@made.cow", "@base.img", 2,
             {"--backend", "dm", "--name", "n"}),
      attach("UserWithAName", "@made.cow", "@base.img", 2, {"--name", "n"}),
      {"DeviceMapperWithoutAName",
       {"cow", "attach", "@made.cow", "--origin", "@base.img", "--backend", "dm"},
       2},
      attach("BackendUnknown", "@made.cow", "@base.img", 2, {"--backend", "nbd"}),
      {"NoPlace", {"cow", "attach", "@made.cow", "--origin", "@base.img"}, 2},
      {"DetachWhatIsNoDisk", {"cow", "detach", "@taken.img"}, 3},
      {"DetachWhatIsMissing", {"cow", "detach", "@no"}, 3},
      {"ServeWithoutItsPipe",
       {"cow", "serve", "@made.cow", "--origin", "@base.img", "--at", "@n.img", "--ready-fd", "77"},
       2},
  };
}

std::vector<BadCommand> BadGrows() {
  std::vector<BadCommand> all = {
      {"FillWhatIsMissing", {"cow", "fill", "@no"}, 3},
      {"FillADirectory", {"cow", "fill", "@dir"}, 2},
      {"FillWhatIsNoStore", {"cow", "fill", "@text.cow"}, 6},
      {"FillAnImage", {"cow", "fill", "@base.img"}, 6},
      {"FillNothing", {"cow", "fill"}, 2},
      {"GrowWhatIsMissing", {"cow", "grow", "@no"}, 3},
      {"GrowADirectory", {"cow", "grow", "@dir"}, 2},
      {"GrowWhatIsNoStore", {"cow", "grow", "@text.cow"}, 6},
      {"GrowAnImage", {"cow", "grow", "@base.img"}, 6},
      {"GrowWhatTheKernelGaveUp", {"cow", "grow", "@inval.cow", "--max-change", "64M"}, 6},
      {"GrowWithoutKnowingTheDisk", {"cow", "grow", "@sub.cow"}, 2},
      {"GrowBeyondAnyFile", {"cow", "grow", "@sub.cow", "--max-change", "8191P"}, 2},
  };
  for (const auto& [name, size] : kNoSizes) {
    all.push_back(
        {"GrowMaxChange" + name, {"cow", "grow", "@made.cow", "--max-change=" + size}, 2});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Grow, BadInputTest, ::testing::ValuesIn(BadGrows()), NameOf);

INSTANTIATE_TEST_SUITE_P(Attach, BadInputTest, ::testing::ValuesIn(BadAttaches()), NameOf);

INSTANTIATE_TEST_SUITE_P(
    Usage, BadInputTest,
    ::testing::Values(BadCommand{"NoCommand", {}, 2}, BadCommand{"UnknownCommand", {"cook"}, 2},
                      BadCommand{"AMachineWithoutBoot", {"create", "base", "--memory", "1G"}, 2},
                      BadCommand{"NoCowCommand", {"cow"}, 2},
                      BadCommand{"UnknownCowCommand", {"cow", "milk"}, 2},
                      BadCommand{"UnknownOption", {"cow", "info", "@sub.cow", "--fast"}, 2},
                      BadCommand{"TwoFiles", {"cow", "info", "@sub.cow", "@made.cow"}, 2},
                      BadCommand{"OptionWithoutItsValue", {"cow", "info", "@sub.cow", "--run"}, 2}),
    NameOf);

// A small tmpfs on a directory; unmounted at the end.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  ~SmallFileSystem() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

class HostTest : public CliTest {};

TEST_F(HostTest, FlattenWithoutRoomIsNoSpaceAndLeavesNothing) {
  const SmallFileSystem small(Path("small"));
  if (!small.mounted()) GTEST_SKIP() << "mounting a tmpfs needs root";
  const std::string base = support::Fixture("base.img", dir_.path());
  const std::string store = support::Fixture("fs4k.cow", dir_.path());
  const Outcome outcome =
      RunVeneer({"cow", "flatten", store, "--origin", base, "--output", Path("small/flat.img")});
  EXPECT_EQ(outcome.status, 5) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("; "));
  EXPECT_TRUE(std::filesystem::is_empty(Path("small")));
  EXPECT_EQ(std::filesystem::space(Path("small")).available, std::uintmax_t{256} << 10U);
}

TEST_F(HostTest, AFileThatMayNotBeOpenedIsAFailureThatSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  support::MakeZeros(Path("secret.cow"), kMiB);
  // The build may lie where nobody else may look.
  std::filesystem::copy_file(support::Program(), Path("veneer"));
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(Path("veneer").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(Path("secret.cow").c_str(), 0600), 0);
  const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                              "--clear-groups", Path("veneer")};
  std::vector<std::string> info = as_nobody;
  info.insert(info.end(), {"cow", "info", Path("secret.cow")});
  const Outcome read = support::Run(info);
  EXPECT_EQ(read.status, 1) << read.err;
  EXPECT_THAT(read.err, HasSubstr("Permission denied"));
  EXPECT_THAT(read.err, HasSubstr("; "));

  support::MakeZeros(Path("origin.img"), kMiB);
  std::vector<std::string> create = as_nobody;
  create.insert(create.end(), {"cow", "create", Path("n.cow"), "--origin", Path("origin.img")});
  EXPECT_EQ(support::Run(create).status, 1);
  EXPECT_FALSE(std::filesystem::exists(Path("n.cow")));
}

TEST_F(HostTest, CheckOfAFileThatIsNoStoreIsAFaultInItsHeader) {
  support::WriteFile(Path("text.cow"), std::string(kMiB, 'x'));
  support::WriteFile(Path("empty"), "");
  for (const std::string name : {"text.cow", "empty"}) {
    const Outcome outcome = RunVeneer({"cow", "check", Path(name), "--json"});
    EXPECT_EQ(outcome.status, 6);
    const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
    ASSERT_TRUE(json.is_object()) << outcome.out << outcome.err;
    EXPECT_EQ(json.at("faults").at(0).at("rule"), "header");
  }
}

}  // namespace
}  // namespace veneer
