// Asking a server that ends, or hangs up, in the middle of it.
#include "backend/user/server_client.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>

#include "backend/user/record_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::minutes kPatience{1};

// A process that listens, takes one request, and leaves it without an answer.
class RudeServer {
 public:
  enum class Manner : std::uint8_t { kDies, kHangsUp };

  RudeServer(const std::string& socket, Manner manner) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    const UniqueFd ready(ends[0]);
    UniqueFd says_ready(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) Serve(socket, manner, says_ready);
    says_ready.Close();
    listens_ = ReceiveLine(ready, kPatience).has_value();
  }
  RudeServer(const RudeServer&) = delete;
  RudeServer& operator=(const RudeServer&) = delete;
  ~RudeServer() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] bool listens() const { return listens_; }
  [[nodiscard]] std::string Pid() const { return std::to_string(pid_); }

 private:
  [[noreturn]] static void Serve(const std::string& socket, Manner manner, const UniqueFd& ready) {
    const auto listener = ListenAt(socket);
    if (!listener || !SendLine(ready, "ready", kPatience)) ::_exit(1);
    {
      const auto client = AcceptFrom(*listener);
      if (!client || !ReceiveLine(client->fd, kPatience)) ::_exit(1);
      if (manner == Manner::kDies) ::kill(::getpid(), SIGKILL);
    }
    while (true) ::pause();
  }

  pid_t pid_ = -1;
  bool listens_ = false;
};

class ServerClientTest : public ::testing::Test {
 protected:
  ServerClientTest() {
    disk_.path = "/srv/disk";
    disk_.files = {.directory = dir_.path(), .key = "disk"};
  }
  Error AskOne(RudeServer::Manner manner) {
    const RudeServer server(disk_.files.Socket(), manner);
    EXPECT_TRUE(server.listens());
    pid_ = server.Pid();
    const auto connection = ConnectTo(disk_.files.Socket());
    if (!connection) return connection.error();
    const auto answer = Ask(disk_, *connection, {.op = ControlOp::kDetach});
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  }

  testing::TempDirectory dir_;
  FoundDisk disk_;
  std::string pid_;
};

TEST_F(ServerClientTest, OneThatDiesIsNamedAndHowToCleanUp) {
  const Error error = AskOne(RudeServer::Manner::kDies);
  EXPECT_EQ(error.kind, ErrorKind::kFailed);
  EXPECT_EQ(error.what, "the server of /srv/disk (pid " + pid_ + ") died before it answered");
  EXPECT_THAT(error.hint, HasSubstr("run again: veneer cow detach /srv/disk;"));
}

TEST_F(ServerClientTest, OneThatHangsUpIsNotDead) {
  const Error error = AskOne(RudeServer::Manner::kHangsUp);
  EXPECT_EQ(error.kind, ErrorKind::kFailed);
  EXPECT_THAT(error.what, HasSubstr("hung up"));
  EXPECT_THAT(error.hint, HasSubstr("try again"));
}

// There is no mount: it is not looked at.
TEST_F(ServerClientTest, ADiskIsFoundByARecordThatIsHeld) {
  const DiskName name{.path = "/srv/disk", .run_dir = dir_ / "run"};
  const DiskFiles files = FilesOfDisk(name.run_dir, name.path);
  std::filesystem::create_directories(files.directory);
  EXPECT_EQ(FindServedDisk(name).error().kind, ErrorKind::kNotFound);
  DiskRecord record;
  record.path = name.path;
  auto held = WriteRecord(files, record);
  ASSERT_TRUE(held);
  const auto found = FindServedDisk(name);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, name.path);
  EXPECT_EQ(found->files.Socket(), files.Socket());
  held->Close();
  EXPECT_EQ(FindServedDisk(name).error().kind, ErrorKind::kNotFound) << "its server is dead";
}

}  // namespace
}  // namespace veneer
