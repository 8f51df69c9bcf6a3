// Sandboxes whose disks are served by NBD live as the others do.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "lifecycle/sandboxes.h"
#include "support/disk_client.h"

namespace veneer::lifecycle {
namespace {

using support::DiskClient;
using ::testing::EndsWith;
using ::testing::StartsWith;

class NbdSandboxesTest : public SandboxesTest {
 protected:
  void SetUp() override {
    SandboxesTest::SetUp();
    if (!support::kHasNbd) GTEST_SKIP() << support::kNoNbd;
  }
  json CreateByNbd(const std::string& name) const { return Create(name, {"--export", "nbd"}); }

  void DestroyAll() const {
    for (const json& each : Ok({"ls"})) Ok({"destroy", each["id"].get<std::string>()});
    ExpectAllAgree();
  }

  static void Put(const std::string& uri, std::size_t at, const std::string& text) {
    const DiskClient client(uri, DiskClient::For::kWriting);
    EXPECT_TRUE(client.valid() && client.Write(at, text) && client.Flush());
  }
  static std::string Get(const std::string& uri, std::size_t at, std::size_t length) {
    std::string text(length, '?');
    const DiskClient client(uri, DiskClient::For::kReading);
    EXPECT_TRUE(client.valid() && client.Read(at, text)) << uri;
    return text;
  }
};

TEST_F(NbdSandboxesTest, APauseAndAResumeKeepTheWayAndTheData) {
  const json made = CreateByNbd("one");
  EXPECT_EQ(made["export"], "nbd");
  const std::string uri = made["path"];
  EXPECT_THAT(uri, StartsWith("nbd+unix:///?socket="));
  EXPECT_THAT(uri, EndsWith(made["id"].get<std::string>() + ".nbd"));
  EXPECT_EQ(Get(uri, 0, 3), "bbb");
  Put(uri, 5000, "kept");
  EXPECT_EQ(Ok({"pause", "one"})["path"], nullptr);
  const json resumed = Ok({"resume", "one"});
  EXPECT_EQ(resumed["path"], uri);
  EXPECT_EQ(Get(uri, 5000, 4), "kept");
  DestroyAll();
}

TEST_F(NbdSandboxesTest, ForksAndSnapshotsOfARunningOneHaveItsMoment) {
  const std::string parent = CreateByNbd("parent")["path"];
  json forks;
  {
    const DiskClient writer(parent, DiskClient::For::kWriting);
    ASSERT_TRUE(writer.valid() && writer.Write(5000, "then"));  // and nobody flushes
    forks = Ok({"fork", "parent", "--count", "2"});
    Ok({"snapshot", "create", "parent", "--name", "moment"});
    ASSERT_TRUE(writer.Write(5000, "now!"));
  }
  for (const json& fork : forks) {
    EXPECT_EQ(fork["export"], "nbd");
    EXPECT_EQ(Get(fork["path"], 5000, 4), "then");
  }
  const json child = Ok({"create", "moment", "--name", "child", "--export", "nbd"});
  EXPECT_EQ(Get(child["path"], 5000, 4), "then");
  EXPECT_EQ(Get(parent, 5000, 4), "now!");
  DestroyAll();
}

TEST_F(NbdSandboxesTest, OneWhoseServerWasKilledIsPausedAndResumes) {
  const json made = CreateByNbd("one");
  Put(made["path"], 5000, "flushed");
  for (const pid_t server : Processes("nbdkit-veneer-plugin.so")) Kill(server);
  Ok({"recover"});
  EXPECT_EQ(StateOf("one"), "paused");
  EXPECT_EQ(Get(Ok({"resume", "one"})["path"], 5000, 7), "flushed");
  DestroyAll();
}

TEST_F(NbdSandboxesTest, NbdAndTheKernelsSnapshotsDoNotGoTogether) {
  Refused(2, {"create", "base", "--export", "nbd", "--backend", "dm"});
  Refused(2, {"create", "base", "--export", "iscsi"});
  EXPECT_TRUE(Ok({"ls"}).empty());
}

}  // namespace
}  // namespace veneer::lifecycle
