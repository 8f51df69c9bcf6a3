#include "kernel/linux/new_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "kernel/testing/temp_directory.h"

namespace veneer {
namespace {

class NewFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return dir_ / name; }
  long Entries() const {
    return std::distance(std::filesystem::directory_iterator(dir_.path()),
                         std::filesystem::directory_iterator());
  }
  void Put(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }
  std::string Text(const std::string& name) const {
    std::ifstream in(Path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Write(NewFile& file, std::string_view text) {
    ASSERT_TRUE(file.file().WriteAt(ByteOffset(0), std::as_bytes(std::span(text))));
  }

  testing::TempDirectory dir_;
};

TEST_F(NewFileTest, HasNoNameUntilItIsPublished) {
  NewFile file = NewFile::Begin(Path("a"), Replace::kNever).value();
  Write(file, "whole");
  EXPECT_EQ(Entries(), 0);
  ASSERT_TRUE(std::move(file).Publish());
  EXPECT_EQ(Text("a"), "whole");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(NewFileTest, WhatIsOnlyClonedAppearsInTheSameWay) {
  Put("a", "old");
  NewFile refused = NewFile::Begin(Path("b"), Replace::kNever).value();
  Put("b", "other");
  EXPECT_EQ(std::move(refused).Publish(NewFile::Contents::kCloned).error().kind,
            ErrorKind::kConflict);
  NewFile file = NewFile::Begin(Path("a"), Replace::kExisting).value();
  Write(file, "new");
  ASSERT_TRUE(std::move(file).Publish(NewFile::Contents::kCloned));
  EXPECT_EQ(Text("a"), "new");
  EXPECT_EQ(Entries(), 2);
}

TEST_F(NewFileTest, MayBeUsedByItsNameBeforeItIsDurable) {
  NewFile file = NewFile::Begin(Path("a"), Replace::kNever).value();
  Write(file, "whole");
  UnsyncedFile named = std::move(file).Name().value();
  EXPECT_EQ(Text("a"), "whole");
  EXPECT_TRUE(named.Sync());
  NewFile second = NewFile::Begin(Path("b"), Replace::kNever).value();
  Put("b", "other");
  EXPECT_EQ(std::move(second).Name().error().kind, ErrorKind::kConflict);
}

TEST_F(NewFileTest, ASyncThatFailsIsToldOf) {
  std::filesystem::create_directory(Path("b"));
  UnsyncedFile named = NewFile::Begin(Path("b/a"), Replace::kNever).value().Name().value();
  std::filesystem::remove_all(Path("b"));
  EXPECT_EQ(named.Sync().error().os_errno, ENOENT);
}

TEST_F(NewFileTest, LeavesNothingWhenItIsDropped) {
  {
    NewFile file = NewFile::Begin(Path("a"), Replace::kNever).value();
    Write(file, "half");
  }
  EXPECT_EQ(Entries(), 0);
}

TEST_F(NewFileTest, NeverReplacesWithoutBeingTold) {
  Put("a", "old");
  EXPECT_EQ(NewFile::Begin(Path("a"), Replace::kNever).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Text("a"), "old");
}

TEST_F(NewFileTest, ANameThatWasTakenMeanwhileIsAConflict) {
  NewFile file = NewFile::Begin(Path("a"), Replace::kNever).value();
  Put("a", "other");
  EXPECT_EQ(std::move(file).Publish().error().kind, ErrorKind::kConflict);
  EXPECT_EQ(Text("a"), "other");
}

TEST_F(NewFileTest, ReplacesInOneStep) {
  Put("a", "old");
  NewFile file = NewFile::Begin(Path("a"), Replace::kExisting).value();
  Write(file, "new");
  EXPECT_EQ(Text("a"), "old");
  ASSERT_TRUE(std::move(file).Publish());
  EXPECT_EQ(Text("a"), "new");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(NewFileTest, AHiddenNameIsLockedWhileItIsWrittenAndTakenOverAfterACrash) {
  {
    NewFile file = NewFile::Begin(Path("a"), Replace::kNever, NewFile::Naming::kHidden).value();
    Write(file, "whole");
    EXPECT_EQ(NewFile::Begin(Path("a"), Replace::kNever, NewFile::Naming::kHidden).error().kind,
              ErrorKind::kConflict);
    EXPECT_FALSE(std::filesystem::exists(Path("a")));
    ASSERT_TRUE(std::move(file).Publish());
  }
  EXPECT_EQ(Text("a"), "whole");
  EXPECT_EQ(Entries(), 1);

  Put(".b.veneer-new", "what a run that was killed has left, longer than the rest");
  NewFile file = NewFile::Begin(Path("b"), Replace::kNever, NewFile::Naming::kHidden).value();
  Write(file, "new");
  ASSERT_TRUE(std::move(file).Publish());
  EXPECT_EQ(Text("b"), "new");
}

TEST_F(NewFileTest, SaysWhatIsWrongWithAPath) {
  std::filesystem::create_directory(Path("d"));
  EXPECT_EQ(NewFile::Begin(Path("d"), Replace::kExisting).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(NewFile::Begin(Path("d/"), Replace::kNever).error().kind, ErrorKind::kUsage);
  EXPECT_EQ(NewFile::Begin(Path("no/a"), Replace::kNever).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(NewFile::Begin("", Replace::kNever).error().kind, ErrorKind::kUsage);
  std::filesystem::create_symlink("a", Path("link"));
  EXPECT_EQ(NewFile::Begin(Path("link"), Replace::kExisting).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace veneer
