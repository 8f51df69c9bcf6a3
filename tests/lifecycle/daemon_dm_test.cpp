// The daemon on a host with device-mapper: it makes and ends sandboxes of the kernel's way, makes
// their stores longer before they are full, and has their writers wait while the host is.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"
#include "lifecycle/sandboxes.h"
#include "support/expect.h"
#include "support/process.h"

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::size_t kPiece = std::size_t{64} << 10U;
constexpr std::chrono::minutes kPatience{2};

// Its state directory is a small file system of its own.
class DaemonDmTest : public SandboxesTest {
 protected:
  void SetUp() override {
    support::MakeZeros(Path("small.img"), std::size_t{96} << 20U);
    fs::create_directory(small_);
    Must({"mkfs.ext4", "-q", "-m", "0", Path("small.img")});
    Must({"mount", "-o", "loop", Path("small.img"), small_});
    root_ = small_ + "/root";
    SandboxesTest::SetUp();
  }
  void TearDown() override {
    SandboxesTest::TearDown();
    Must({"umount", small_});
  }

  static std::string Must(const std::vector<std::string>& command) {
    const support::Outcome outcome = support::Run(command);
    EXPECT_EQ(outcome.status, 0) << command[0] << ": " << outcome.err;
    return outcome.out;
  }
  [[nodiscard]] std::string Metrics() const {
    return Must({"python3", "-c",
                 "import socket, sys\n"
                 "client = socket.socket(socket.AF_UNIX)\n"
                 "client.connect(sys.argv[1])\n"
                 "client.sendall(b'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: "
                 "close\\r\\n\\r\\n')\n"
                 "while data := client.recv(65536): sys.stdout.buffer.write(data)\n",
                 run_ + "/api.sock"});
  }
  // Whether the metrics have such a line, in a while.
  [[nodiscard]] bool IsTold(const std::string& line) const {
    return support::Eventually([&] { return Metrics().find(line) != std::string::npos; },
                               kPatience);
  }

  std::string small_ = std::string(dir_.path()) + ".small";
};

// Writes `data` from the beginning of the disk on, each piece durable.
int WriteAll(const std::string& disk, const std::string& data, std::atomic<std::size_t>& done) {
  const UniqueFd fd(::open(disk.c_str(), O_RDWR | O_DSYNC | O_CLOEXEC));
  for (std::size_t at = 0; at < data.size(); at += kPiece) {
    const ssize_t wrote = ::pwrite(fd.get(), &data[at], kPiece, static_cast<off_t>(at));
    if (wrote != static_cast<ssize_t>(kPiece)) return errno;
    done = at + kPiece;
  }
  return 0;
}

TEST_F(DaemonDmTest, ItMakesPausesResumesForksSnapshotsAndDestroys) {
  EXPECT_EQ(Create("web").at("backend"), "dm");
  Write(DiskOf("web"), 3, 'x');
  Ok({"pause", "web"});
  EXPECT_EQ(StateOf("web"), "paused");
  Ok({"resume", "web"});
  EXPECT_EQ(Read(DiskOf("web"), 3), 'x');
  for (const json& fork : Ok({"fork", "web", "--count", "2"})) {
    EXPECT_EQ(Read(fork.at("path").get<std::string>(), 3), 'x');
    Ok({"destroy", fork.at("id").get<std::string>()});
  }
  Ok({"snapshot", "create", "web", "--name", "ready"});
  Ok({"create", "ready", "--name", "again", "--backend", "dm"});
  EXPECT_EQ(Read(DiskOf("again"), 3), 'x');
  const std::string web = Show("web").at("id");
  EXPECT_TRUE(IsTold("veneer_disk_reads_total{sandbox=\"" + web + "\",name=\"web\"}"));
  EXPECT_THAT(Metrics(), ::testing::Not(HasSubstr("veneer_disk_errors_total{sandbox")));
  Ok({"destroy", "again"});
  Ok({"snapshot", "rm", "ready"});
}

TEST_F(DaemonDmTest, AStoreGrowsBeforeItIsFull) {
  const json web = Create("web");
  Ok({"pause", "web"});
  const std::string store = StoreOf(web.at("id"));
  fs::remove(store);
  Ok({"cow", "create", store, "--origin", Path("base.img"), "--max-change", "2M"});
  Ok({"resume", "web"});
  const auto size = fs::file_size(store);
  std::atomic<std::size_t> done = 0;
  const std::string most = support::Pattern(std::size_t{28} * kPiece, 4);
  ASSERT_EQ(WriteAll(DiskOf("web"), most, done), 0);
  EXPECT_TRUE(support::Eventually([&] { return fs::file_size(store) > size; }, kPatience));
  const std::string more = support::Pattern(std::size_t{40} * kPiece, 5);
  EXPECT_EQ(WriteAll(DiskOf("web"), more, done), 0);
  EXPECT_TRUE(IsTold("veneer_watch_findings_total{watch=\"store\"}"));
}

TEST_F(DaemonDmTest, WritersWaitForRoomAndGoOn) {
  const std::string disk = Create("web", {"--size", "64M"}).at("path");
  Create("spare");
  Must({"fallocate", "-l", "40M", small_ + "/ballast"});
  const std::string data = support::Pattern(std::size_t{40} << 20U, 9);
  std::atomic<std::size_t> done = 0;
  std::atomic<int> error = -1;
  std::thread writer([&] { error = WriteAll(disk, data, done); });
  EXPECT_TRUE(IsTold("\nveneer_disks_held 2\n"));
  EXPECT_LT(done, data.size());
  struct statvfs room{};
  ASSERT_EQ(::statvfs(small_.c_str(), &room), 0);
  EXPECT_GT(room.f_bavail, 0U);
  Refused(5, {"fork", "web", "--count", "1"});
  Ok({"destroy", "spare"});
  fs::remove(small_ + "/ballast");
  writer.join();
  EXPECT_EQ(error, 0);
  EXPECT_TRUE(IsTold("\nveneer_disks_held 0\n"));
  Ok({"pause", "web"});
  ExpectStoresAreSound();
  Ok({"resume", "web"});
  EXPECT_TRUE(support::ReadHead(DiskOf("web"), data.size()) == data);
}

}  // namespace
}  // namespace veneer::lifecycle
