// Attaching: what there is then, and what is refused.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "backend/user/control_socket.h"
#include "backend/user/messages.h"
#include "kernel/linux/linux_mounts.h"
#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

using support::Outcome;
using ::testing::HasSubstr;

class AttachTest : public ScenarioTest {};

TEST_F(AttachTest, TheDiskIsAFileUntilItIsDetached) {
  MakeDisk(8);
  const Attached disk = Attach(Path("disk"));
  EXPECT_EQ(disk.path, Path("disk"));
  EXPECT_EQ(disk.device, "");
  EXPECT_EQ(std::filesystem::file_size(disk.path), 8U << 20U);
  EXPECT_EQ(support::Sha256(disk.path), support::Sha256(origin_));
  MustRun({"dd", "if=/dev/urandom", "of=" + disk.path, "bs=64K", "count=20", "seek=3",
           "conv=notrunc,fsync"});
  const std::string written = support::Sha256(disk.path);
  Detach(disk.path);
  EXPECT_FALSE(std::filesystem::exists(disk.path));
  ExpectStoreIsSound();
  Attach(Path("again"));
  EXPECT_EQ(support::Sha256(Path("again")), written);
  Detach(Path("again"));
}

TEST_F(AttachTest, TheDiskIsABlockDeviceWithBlock) {
  MakeDisk(16);
  const Attached disk = Attach(Path("disk"), {"--block"});
  EXPECT_THAT(disk.device, HasSubstr("/dev/loop"));
  EXPECT_EQ(MustRun({"blockdev", "--getsize64", "--getss", "--getro", disk.device}),
            "16777216\n512\n0\n");
  MustRun({"mkfs.ext4", "-q", "-F", disk.device});
  std::filesystem::create_directory(Path("mnt"));
  MustRun({"mount", disk.device, Path("mnt")});
  support::WriteFile(Path("mnt/hello"), "veneer");
  MustRun({"umount", Path("mnt")});
  Detach(disk.device);
  EXPECT_EQ(Loops(), std::vector<std::string>{});
  const Attached again = Attach(Path("disk"), {"--block"});
  MustRun({"mount", again.device, Path("mnt")});
  EXPECT_EQ(support::ReadFile(Path("mnt/hello")), "veneer");
  MustRun({"umount", Path("mnt")});
  Detach(again.path);
  ExpectStoreIsSound();
}

TEST_F(AttachTest, AFileThatIsThereIsCoveredAndStaysAsItWas) {
  MakeDisk(4);
  support::WriteFile(Path("file"), "as it was");
  Attach(Path("file"));
  EXPECT_EQ(support::ReadHead(Path("file"), 2), "oo");
  Detach(Path("file"));
  EXPECT_EQ(support::ReadFile(Path("file")), "as it was");
}

TEST_F(AttachTest, ASymbolicLinkLeadsToTheFile) {
  MakeDisk(4);
  support::WriteFile(Path("file"), "");
  std::filesystem::create_symlink(Path("file"), Path("link"));
  EXPECT_EQ(Attach(Path("link")).path, Path("file"));
  Detach(Path("link"));
  EXPECT_TRUE(std::filesystem::exists(Path("file")));
}

TEST_F(AttachTest, ARunDirectoryMayHaveALongPath) {
  MakeDisk(4);
  run_ = Path("r") + std::string(200, 'u') + "/n, with a \\ and more";
  Attach(Path("disk"));
  Detach(Path("disk"));
}

TEST_F(AttachTest, AStoreIsAttachedForWritingOnce) {
  MakeDisk(4);
  Attach(Path("disk"));
  const std::string server = std::to_string(ServerOf(Path("disk")));
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"--read-only"}}) {
    const Outcome second = Veneer(AttachCommand(Path("other"), options));
    EXPECT_EQ(second.status, 4);
    EXPECT_EQ(ComplaintOf(second).kind, "conflict");
    EXPECT_THAT(ComplaintOf(second).message, HasSubstr("held by pid " + server + " (veneer)"));
    EXPECT_FALSE(std::filesystem::exists(Path("other")));
  }
  Detach(Path("disk"));
}

TEST_F(AttachTest, APlaceIsTakenOnce) {
  MakeDisk(4);
  Attach(Path("disk"));
  const std::string other = Path("other.cow");
  Ok({"cow", "create", other, "--origin", origin_});
  const Outcome second =
      Veneer({"cow", "attach", other, "--origin", origin_, "--at", Path("disk"), "--json"});
  EXPECT_EQ(second.status, 4);
  EXPECT_THAT(ComplaintOf(second).message, HasSubstr("attached already"));
  Detach(Path("disk"));
}

TEST_F(AttachTest, APlaceWhereSomethingElseIsMountedIsRefused) {
  MakeDisk(4);
  support::WriteFile(Path("file"), "");
  support::WriteFile(Path("bound"), "");
  MustRun({"mount", "--bind", Path("bound"), Path("file")});
  EXPECT_EQ(Veneer(AttachCommand(Path("file"))).status, 4);
  EXPECT_EQ(Veneer({"cow", "detach", Path("file")}).status, 3);
  MustRun({"umount", Path("file")});
}

TEST_F(AttachTest, AnImpossiblePlaceIsRefusedAndNothingIsMade) {
  MakeDisk(4);
  std::filesystem::create_directory(Path("dir"));
  std::filesystem::create_symlink(Path("nowhere"), Path("dangling"));
  const auto status = [&](const std::string& at) { return Veneer(AttachCommand(at)).status; };
  EXPECT_EQ(status(Path("dir")), 2);
  EXPECT_EQ(status(Path("new/")), 2);
  EXPECT_EQ(status(Path("missing/disk")), 3);
  EXPECT_EQ(status(Path("dangling")), 3);
  EXPECT_EQ(status("/dev/null"), 2);
  EXPECT_EQ(status(store_), 2);
  EXPECT_EQ(status(origin_), 2);
  EXPECT_FALSE(std::filesystem::exists(Path("nowhere")));
  EXPECT_EQ(status("/proc/disk"), 3);
}

TEST_F(AttachTest, WhatIsNoStoreOfTheOriginIsRefused) {
  MakeDisk(4);
  support::WriteFile(Path("foreign"), std::string(1U << 20U, 'x'));
  support::MakeZeros(Path("other.img"), std::size_t{8} << 20U);
  const auto status = [&](const std::string& store, const std::string& origin) {
    return Veneer({"cow", "attach", store, "--origin", origin, "--at", Path("disk")}).status;
  };
  EXPECT_EQ(status(Path("missing"), origin_), 3);
  EXPECT_EQ(status(store_, Path("missing")), 3);
  EXPECT_EQ(status(Path("foreign"), origin_), 6);
  EXPECT_EQ(status(store_, Path("other.img")), 6);
  EXPECT_EQ(status(origin_, origin_), 2);
  EXPECT_FALSE(std::filesystem::exists(Path("disk")));
  EXPECT_EQ(RunFiles(), std::vector<std::string>{});
}

TEST_F(AttachTest, TheServerTellsItsStatus) {
  MakeDisk(4);
  const Attached disk = Attach(Path("disk"), {"--block"});
  MustRun({"dd", "if=/dev/zero", "of=" + disk.device, "bs=64K", "count=2", "oflag=direct",
           "conv=fsync"});
  const auto mount = LinuxMounts().At(disk.path).value();
  ASSERT_TRUE(mount);
  const auto ask = [&](const std::string& line) {
    const Connection server = ConnectTo(mount->source).value();
    EXPECT_TRUE(SendLine(server.fd, line, std::chrono::seconds(10)));
    return nlohmann::json::parse(ReceiveLine(server.fd, std::chrono::seconds(10)).value());
  };
  const auto status = ask(EncodeRequest({.op = ControlOp::kStatus}));
  EXPECT_EQ(status["path"], disk.path);
  EXPECT_EQ(status["device"], disk.device);
  EXPECT_EQ(status["store"], store_);
  EXPECT_EQ(status["origin"], origin_);
  EXPECT_EQ(status["read_only"], false);
  EXPECT_EQ(status["counters"]["bytes_written"], 131072);
  EXPECT_GE(status["counters"]["flushes"], 1);
  EXPECT_EQ(ask("nonsense")["error"]["kind"], "failed");
  EXPECT_EQ(ask(R"({"op":"dance"})")["error"]["kind"], "usage");
  Detach(disk.path);
}

struct KernelStore {
  std::string name;
  std::string sha256;  // of the whole device, as the kernel showed it
};

class KernelStoreTest : public ScenarioTest, public ::testing::WithParamInterface<KernelStore> {};

TEST_P(KernelStoreTest, TheAttachedFileShowsWhatTheKernelShowed) {
  origin_ = support::Fixture("base.img", dir_.path());
  store_ = support::Fixture(GetParam().name, dir_.path());
  const Attached disk = Attach(Path("disk"), {"--block"});
  EXPECT_EQ(support::Sha256(disk.path), GetParam().sha256);
  EXPECT_EQ(support::Sha256(disk.device), GetParam().sha256);
  Detach(disk.path);
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, KernelStoreTest,
    ::testing::Values(
        KernelStore{"fs4k.cow", "4d418ea22361c694e69f5e314de367bda07fae60477d9cdcc4d6fb268f7fff3d"},
        KernelStore{"sub.cow", "33ec27701009156e53affd5ef776fe0b70716d13fbbea7135a495527141c6846"}),
    [](const auto& instance) {
      return instance.param.name.substr(0, instance.param.name.find('.'));
    });

TEST_F(AttachTest, AStoreThatTheKernelGaveUpIsRefused) {
  origin_ = support::Fixture("base.img", dir_.path());
  store_ = support::Fixture("inval.cow", dir_.path());
  const Outcome attach = Veneer(AttachCommand(Path("disk")));
  EXPECT_EQ(attach.status, 6);
  EXPECT_EQ(ComplaintOf(attach).kind, "corrupt");
}

}  // namespace
}  // namespace veneer::scenario
