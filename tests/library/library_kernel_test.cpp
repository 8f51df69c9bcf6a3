// The library's entry points on a real kernel, and the example that was built against the installed
// tree: whatever they do, nothing is left.
#include <gmock/gmock.h>

#include <chrono>
#include <vector>

#include "kernel/dm_host.h"
#include "library/veneer.h"
#include "support/opener.h"

namespace veneer::kernel_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LibraryOnKernel : public DmHost {
 protected:
  void SetUp() override {
    DmHost::SetUp();
    MakeImage(MiB(4));
  }
  [[nodiscard]] DiskHost Open(BackendKind kind) const {
    auto host = DiskHost::Open(kind, {.state_dir = root_,
                                      .run_dir = run_,
                                      .patience = std::chrono::seconds(1),
                                      .server = support::Program()});
    EXPECT_TRUE(Succeeds(host));
    return *std::move(host);
  }
  [[nodiscard]] SnapshotRequest RequestOf(const std::string& name) const {
    return {.origin = image_, .store = StoreOf(name), .name = name, .at = Path("disk-" + name)};
  }
  [[nodiscard]] std::vector<std::string> LoopsOnImage() const {
    std::vector<std::string> paths;
    const auto image = LinuxFile::Open(image_, Access::kReadOnly);
    const auto found = loops_.Find((*image)->Identity().value(), image_);
    EXPECT_TRUE(Succeeds(found));
    for (const LoopDevice& loop : *found) paths.push_back(loop.path);
    return paths;
  }
};

TEST_F(LibraryOnKernel, TheExampleShowsEachOperation) {
  const support::Outcome outcome =
      support::Run({VENEER_EXAMPLE, image_, StoreOf("a"), Path("flat"), "a"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("/dev/mapper/veneer-a holds: changed\n"));
  EXPECT_THAT(outcome.out, HasSubstr("4096 of 4194304 bytes changed"));
  const std::string image = support::ReadFile(image_);
  EXPECT_EQ(support::ReadFile(Path("flat")), "changed\n" + image.substr(8));
}

TEST_F(LibraryOnKernel, ASnapshotOfOneBackendIsRestoredByTheOther) {
  DiskHost dm = Open(BackendKind::kDm);
  DiskHost user = Open(BackendKind::kUser);
  const auto made_from = IdentifyTemplate(image_);
  ASSERT_TRUE(Succeeds(made_from));

  const auto device = CreateSnapshot(dm, RequestOf("a"));
  ASSERT_TRUE(Succeeds(device));
  EXPECT_EQ(Write(device->path, 8192, "from the kernel"), 0);
  EXPECT_EQ(OriginSize(device->path), MiB(4));
  EXPECT_TRUE(Succeeds(RemoveSnapshot(dm, device->path)));

  const auto file = RestoreSnapshot(user, RequestOf("a"), *made_from);
  ASSERT_TRUE(Succeeds(file));
  EXPECT_EQ(file->path, Path("disk-a"));
  EXPECT_EQ(Read(file->path, 8192, 15), "from the kernel");
  EXPECT_EQ(RestoreSnapshot(dm, RequestOf("a")).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(CleanUpStale(user, GcMode::kRemove)->adopted, SizeIs(1));
  EXPECT_TRUE(Succeeds(RemoveSnapshot(user, file->path)));
  EXPECT_EQ(DiskUsage(StoreOf("a"))->changed, KiB(4));
}

// Whoever cleaned up with another run directory would take the snapshot for stale.
TEST_F(LibraryOnKernel, AnotherRunDirectoryIsRefusedWhileASnapshotIsThere) {
  const auto elsewhere = [&] {
    return DiskHost::Open(BackendKind::kDm, {.state_dir = root_, .run_dir = Path("other-run")});
  };
  std::string path;
  {
    DiskHost host = Open(BackendKind::kDm);
    EXPECT_EQ(elsewhere().error().kind, ErrorKind::kConflict) << "a host is open";
    const auto device = CreateSnapshot(host, RequestOf("a"));
    ASSERT_TRUE(Succeeds(device));
    path = device->path;
  }
  const auto refused = elsewhere();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(refused.error().what, HasSubstr(run_));
  {
    DiskHost host = Open(BackendKind::kDm);
    EXPECT_TRUE(Succeeds(RemoveSnapshot(host, path)));
  }
  EXPECT_TRUE(Succeeds(elsewhere()));
}

TEST_F(LibraryOnKernel, ABusySnapshotStaysAndItsHolderIsNamed) {
  DiskHost host = Open(BackendKind::kDm);
  const auto made = CreateSnapshot(host, RequestOf("a"));
  ASSERT_TRUE(Succeeds(made));
  {
    const support::Opener opener(made->path);
    const auto refused = RemoveSnapshot(host, made->path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, HasSubstr(opener.Name()));
    const auto report = CleanUpStale(host, GcMode::kRemove);
    ASSERT_TRUE(Succeeds(report));
    EXPECT_THAT(report->adopted, ElementsAre("a"));
    EXPECT_THAT(report->removed, IsEmpty());
  }
  EXPECT_TRUE(Succeeds(RemoveSnapshot(host, made->path)));
}

TEST_F(LibraryOnKernel, SeventeenSnapshotsShareTwoDevicesOfTheirTemplate) {
  DiskHost host = Open(BackendKind::kDm);
  auto registry = LoopRegistry::Open(run_);
  ASSERT_TRUE(Succeeds(registry));
  std::vector<std::string> paths;
  {
    const auto share = registry->Acquire(image_);
    ASSERT_TRUE(Succeeds(share));
    EXPECT_EQ(Read(share->path, 0, 4096), support::ReadHead(image_, 4096));
    EXPECT_NE(Write(share->path, 0, "no"), 0);
    EXPECT_THAT(LoopsOnImage(), ElementsAre(share->path));
    for (int i = 0; i < 17; ++i) {
      const auto made = CreateSnapshot(host, RequestOf("s" + std::to_string(i)));
      ASSERT_TRUE(Succeeds(made));
      paths.push_back(made->path);
    }
  }
  EXPECT_THAT(LoopsOnImage(), SizeIs(2));
  for (const std::string& path : paths) EXPECT_TRUE(Succeeds(RemoveSnapshot(host, path)));
  EXPECT_THAT(LoopsOnImage(), IsEmpty());
}

TEST_F(LibraryOnKernel, ABlockDeviceIsATemplateToo) {
  DiskHost host = Open(BackendKind::kDm);
  auto registry = LoopRegistry::Open(run_);
  ASSERT_TRUE(Succeeds(registry));
  auto share = registry->Acquire(image_);
  ASSERT_TRUE(Succeeds(share));
  EXPECT_EQ(OriginSize(share->path), MiB(4));
  const auto identity = IdentifyTemplate(share->path);
  ASSERT_TRUE(Succeeds(identity));
  EXPECT_FALSE(identity->stamp);
  EXPECT_EQ(identity->digest, IdentifyTemplate(image_)->digest);
  SnapshotRequest request = RequestOf("a");
  request.origin = share->path;
  const auto made = CreateSnapshot(host, request);
  ASSERT_TRUE(Succeeds(made));
  EXPECT_EQ(Read(made->path, 0, 4096), support::ReadHead(image_, 4096));
  EXPECT_TRUE(Succeeds(RemoveSnapshot(host, made->path)));
  EXPECT_TRUE(Succeeds(Flatten({.origin = image_, .store = StoreOf("a"), .output = Path("flat")})));
  EXPECT_EQ(support::ReadFile(Path("flat")), support::ReadFile(image_));
  share->hold.Close();
  EXPECT_THAT(LoopsOnImage(), IsEmpty());
  EXPECT_TRUE(Succeeds(CleanUpStale(host, GcMode::kRemove)));
}

}  // namespace
}  // namespace veneer::kernel_test
