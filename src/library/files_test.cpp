// The entry points that need no device: sizes, identity, flatten.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "format/testing/put_exception.h"
#include "library/library_fixture.h"

namespace veneer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LibraryFilesTest : public LibraryTest {
 protected:
  // Chunk 0 of the disk is changed, to this text and zeros.
  void ChangeFirstChunk(const std::string& text) const {
    testing::PutException(StoreOf("a"), {OriginChunk(0), StoreChunk(2)});
    std::fstream store(StoreOf("a"), std::ios::in | std::ios::out | std::ios::binary);
    store.seekp(static_cast<std::streamoff>(KiB(8).value()));
    store << text;
  }
  [[nodiscard]] FlattenPaths Paths() const {
    return {.origin = image_, .store = StoreOf("a"), .output = directory_ / "flat"};
  }
};

TEST_F(LibraryFilesTest, TheSizeOfAnOriginIsItsFiles) {
  EXPECT_EQ(OriginSize(image_), MiB(2));
  EXPECT_EQ(KindOf(OriginSize(directory_ / "none")), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(OriginSize(directory_.path())), ErrorKind::kUsage);
}

TEST_F(LibraryFilesTest, UsageIsWhatTheFileTakesAndWhatChanged) {
  EXPECT_EQ(DiskUsage(StoreOf("a"))->changed, Bytes(0));
  ChangeFirstChunk("text");
  const auto usage = DiskUsage(StoreOf("a"));
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->changed, KiB(4));
  struct stat status{};
  ASSERT_EQ(::stat(StoreOf("a").c_str(), &status), 0);
  EXPECT_EQ(usage->used, Bytes(static_cast<std::uint64_t>(status.st_blocks) * 512));
  EXPECT_GT(usage->fill, 0);
  EXPECT_LT(usage->fill, 0.1);
}

TEST_F(LibraryFilesTest, UsageOfWhatIsNoStoreNamesTheFile) {
  EXPECT_EQ(KindOf(DiskUsage(directory_ / "none")), ErrorKind::kNotFound);
  std::ofstream(directory_ / "text") << std::string(8192, 'x');
  const auto refused = DiskUsage(directory_ / "text");
  EXPECT_EQ(KindOf(refused), ErrorKind::kCorrupt);
  EXPECT_THAT(refused.error().what, HasSubstr(directory_ / "text"));
}

TEST_F(LibraryFilesTest, FlattenMergesTheStoreIntoACopy) {
  ChangeFirstChunk("changed");
  const auto report = Flatten(Paths());
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->size, MiB(2));
  EXPECT_EQ(report->changed, KiB(4));
  std::ifstream flat(Paths().output, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(flat), {});
  EXPECT_EQ(bytes, "changed" + std::string(MiB(2).value() - 7, '\0'));
  EXPECT_EQ(KindOf(Flatten(Paths())), ErrorKind::kConflict);
  EXPECT_TRUE(Flatten(Paths(), {.replace = Replace::kExisting}));
}

TEST_F(LibraryFilesTest, AStoreThatIsAttachedOrMissingIsNotFlattened) {
  const auto made = RestoreSnapshot(host_, SnapshotOf("a"));
  ASSERT_TRUE(made);
  EXPECT_EQ(KindOf(Flatten(Paths())), ErrorKind::kConflict);
  EXPECT_TRUE(RemoveSnapshot(host_, made->path));
  std::filesystem::remove(StoreOf("a"));
  EXPECT_EQ(KindOf(Flatten(Paths())), ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Paths().output));
}

TEST_F(LibraryFilesTest, ATemplateIsKnownByItsStampAndElseByItsContents) {
  std::fstream(image_, std::ios::in | std::ios::out) << "template";
  const auto identity = IdentifyTemplate(image_);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->size, MiB(2));
  EXPECT_THAT(identity->digest, StartsWith("sha256:"));
  EXPECT_TRUE(VerifyTemplate(image_, *identity));
  // As a restored backup: another file, with the same contents.
  const std::string copy = directory_ / "copy";
  std::filesystem::copy_file(image_, copy);
  EXPECT_TRUE(VerifyTemplate(copy, *identity));
  std::fstream(copy, std::ios::in | std::ios::out) << "TEMPLATE";
  EXPECT_EQ(KindOf(VerifyTemplate(copy, *identity)), ErrorKind::kCorrupt);
  EXPECT_EQ(KindOf(VerifyTemplate(directory_ / "none", *identity)), ErrorKind::kNotFound);
}

TEST_F(LibraryFilesTest, AnIdentityWithoutAStampIsItsDigest) {
  auto identity = IdentifyTemplate(image_);
  ASSERT_TRUE(identity);
  identity->stamp.reset();
  EXPECT_TRUE(VerifyTemplate(image_, *identity));
  identity->digest.back() = identity->digest.back() == '0' ? '1' : '0';
  EXPECT_EQ(KindOf(VerifyTemplate(image_, *identity)), ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace veneer
