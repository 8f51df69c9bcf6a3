#include "conformance/backend_suite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>

#include "base/unique_fd.h"
#include "cow/check.h"
#include "cow/create.h"
#include "cow/flatten.h"
#include "cow/grow.h"
#include "kernel/linux/linux_file.h"
#include "support/disk_client.h"
#include "support/expect.h"
#include "support/opener.h"

namespace veneer::conformance {
namespace {

using support::DiskClient;
using support::Pattern;
using support::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::unique_ptr<LinuxFile> MustOpen(const std::string& path) {
  auto file = LinuxFile::Open(path, Access::kReadOnly);
  EXPECT_TRUE(Succeeds(file));
  return file ? *std::move(file) : nullptr;
}

}  // namespace

std::vector<Setting> WithChunks(const Way& way, const std::vector<Bytes>& chunk_sizes) {
  std::vector<Setting> settings;
  settings.reserve(chunk_sizes.size());
  for (const Bytes chunk_size : chunk_sizes) settings.push_back({way, chunk_size});
  return settings;
}

std::string NameOfSetting(const ::testing::TestParamInfo<Setting>& info) {
  return fmt::format("{}{}K", info.param.way.name, info.param.chunk_size.value() >> 10U);
}

void BackendTest::SetUp() {
  if (GetParam().way.export_kind == ExportKind::kNbd && !support::kHasNbd) {
    GTEST_SKIP() << support::kNoNbd;
  }
  std::filesystem::create_directory(dir_ / "host");
  backend_ = GetParam().way.make(dir_ / "host");
  ASSERT_TRUE(Succeeds(backend_->RequireHost()));
}

void BackendTest::TearDown() {
  for (const std::string& path : attached_) {
    const Result<void> detached = backend_->Detach(path);
    EXPECT_TRUE(detached || detached.error().kind == ErrorKind::kNotFound)
        << path << ": " << detached.error().what;
  }
}

void BackendTest::MakeDisk(Bytes size, Bytes max_change, Bytes disk_size) {
  support::WriteFile(image_, Pattern(size.value(), 1));
  MakeStore(store_, max_change, disk_size);
}

void BackendTest::MakeStore(const std::string& path, Bytes max_change, Bytes disk_size) {
  CreateOptions options;
  options.chunk_size = *ChunkSize::FromBytes(GetParam().chunk_size);
  options.origin_size = Bytes(std::filesystem::file_size(image_));
  if (max_change != Bytes(0)) options.max_change = max_change;
  if (disk_size != Bytes(0)) options.disk_size = disk_size;
  ASSERT_TRUE(Succeeds(CreateStore(path, options)));
}

DiskRequest BackendTest::Request(const std::string& name) const {
  return {.store = store_,
          .origin = image_,
          .name = name,
          .at = dir_ / ("disk-" + name),
          .export_kind = GetParam().way.export_kind};
}

AttachedDisk BackendTest::Attach(const DiskRequest& request) {
  const auto disk = backend_->Attach(request);
  EXPECT_TRUE(Succeeds(disk));
  if (!disk) return {};
  attached_.push_back(disk->path);
  return *disk;
}

AttachedDisk BackendTest::AttachReadOnly() {
  DiskRequest request = Request();
  request.access = DiskAccess::kReadOnly;
  return Attach(request);
}

std::vector<std::string> BackendTest::Listed() {
  auto disks = backend_->Attached();
  EXPECT_TRUE(Succeeds(disks));
  return disks ? *std::move(disks) : std::vector<std::string>{};
}

void BackendTest::Detach(const AttachedDisk& disk) {
  EXPECT_TRUE(Succeeds(backend_->Detach(disk.path)));
  std::erase(attached_, disk.path);
}

void BackendTest::ExpectRefused(const DiskRequest& request, ErrorKind kind) {
  const auto disk = backend_->Attach(request);
  ASSERT_FALSE(disk);
  EXPECT_EQ(KindName(disk.error().kind), KindName(kind)) << disk.error().what;
  EXPECT_FALSE(std::filesystem::exists(request.at));
}

void BackendTest::ExpectNotCloned(const std::string& path, const std::string& clone,
                                  ErrorKind kind) {
  const auto cloned = backend_->CloneStore(path, clone);
  ASSERT_FALSE(cloned);
  EXPECT_EQ(KindName(cloned.error().kind), KindName(kind)) << cloned.error().what;
}

std::string BackendTest::Read(const AttachedDisk& disk, std::size_t at, std::size_t length) {
  std::string data(length, '?');
  const DiskClient client(disk.path, DiskClient::For::kReading);
  EXPECT_TRUE(client.valid() && client.Read(at, data));
  return data;
}

void BackendTest::Write(const AttachedDisk& disk, std::size_t at, const std::string& data) {
  const DiskClient client(disk.path, DiskClient::For::kWriting);
  EXPECT_TRUE(client.valid() && client.Write(at, data));
  EXPECT_TRUE(client.valid() && client.Flush());
}

std::string BackendTest::Image() const { return support::ReadFile(image_); }

std::string BackendTest::Flattened(const std::string& store) const {
  const auto origin = MustOpen(image_);
  const auto changes = MustOpen(store);
  const std::string output = dir_ / "flat";
  const auto report = Flatten(*origin, *changes, output, {.replace = Replace::kExisting});
  EXPECT_TRUE(Succeeds(report));
  return support::ReadFile(output);
}

void BackendTest::WriteBoth(const AttachedDisk& disk, std::string& expected, std::size_t at,
                            const std::string& data) {
  Write(disk, at, data);
  expected.replace(at, data.size(), data);
}

void BackendTest::ExpectSound(const std::string& store) {
  const auto report = CheckStore(*MustOpen(store), std::nullopt,
                                 [](const Fault& fault) { ADD_FAILURE() << fault.message; });
  EXPECT_TRUE(Succeeds(report));
}

void BackendTest::ExpectInStore(const AttachedDisk& disk, const std::string& expected) {
  Detach(disk);
  ExpectSound(store_);
  EXPECT_EQ(Flattened(), expected);
}

TEST_P(BackendTest, AnEmptyStoreShowsTheImage) {
  MakeDisk(MiB(4));
  const AttachedDisk disk = Attach();
  EXPECT_EQ(Read(disk, 0, MiB(4).value()), Image());
  Detach(disk);
  EXPECT_EQ(Flattened(), Image());
}

TEST_P(BackendTest, WhatIsWrittenIsThereAfterTheNextAttach) {
  MakeDisk(MiB(4));
  std::string expected = Image();
  for (unsigned round = 0; round < 3; ++round) {
    const AttachedDisk disk = Attach();
    EXPECT_EQ(Read(disk, 0, expected.size()), expected);
    std::mt19937 random(round);
    for (int write = 0; write < 40; ++write) {
      const std::size_t length = 1 + random() % 20'000;
      const std::size_t at = random() % (expected.size() - length);
      const std::string data = Pattern(length, static_cast<unsigned>(random()));
      WriteBoth(disk, expected, at, data);
    }
    EXPECT_EQ(Read(disk, 0, expected.size()), expected);
    ExpectInStore(disk, expected);
  }
}

TEST_P(BackendTest, TheWholeDiskCanBeRewritten) {
  MakeDisk(MiB(8));
  const AttachedDisk disk = Attach();
  const std::string fresh = Pattern(MiB(8).value(), 7);
  Write(disk, 0, fresh);
  EXPECT_EQ(Read(disk, 0, fresh.size()), fresh);
  const auto fill = backend_->Fill(disk.path);
  ASSERT_TRUE(Succeeds(fill));
  EXPECT_EQ(fill->condition, StoreCondition::kGood);
  ExpectInStore(disk, fresh);
}

TEST_P(BackendTest, TheLastChunkMayBePartial) {
  MakeDisk(MiB(3) + kSectorSize * 3);
  const AttachedDisk disk = Attach();
  const std::string data = Pattern(2000, 5);
  std::string expected = Image();
  const std::size_t at = expected.size() - data.size();
  WriteBoth(disk, expected, at, data);
  EXPECT_EQ(Read(disk, 0, expected.size()), expected);
  ExpectInStore(disk, expected);
}

TEST_P(BackendTest, ADiskLargerThanItsImageGoesOnWithZeros) {
  const Bytes disk_size = MiB(5);
  MakeDisk(MiB(2) + kSectorSize * 5, Bytes(0), disk_size);
  const AttachedDisk disk = Attach();
  std::string expected = Image();
  expected.resize(disk_size.value(), '\0');
  EXPECT_EQ(Read(disk, 0, expected.size()), expected);
  const std::string data = Pattern(MiB(1).value(), 3);
  const std::size_t at = (MiB(2) - KiB(8)).value();
  WriteBoth(disk, expected, at, data);
  EXPECT_EQ(Read(disk, 0, expected.size()), expected);
  ExpectInStore(disk, expected);
}

TEST_P(BackendTest, DisksOverOneImageKnowNothingOfEachOther) {
  MakeDisk(MiB(2));
  const AttachedDisk one = Attach("one");
  store_ = dir_ / "other";
  MakeStore(store_, Bytes(0), Bytes(0));
  const AttachedDisk two = Attach("two");
  Write(one, 0, std::string(4096, '1'));
  Write(two, 0, std::string(4096, '2'));
  EXPECT_EQ(Read(one, 0, 4096), std::string(4096, '1'));
  EXPECT_EQ(Read(two, 0, 4096), std::string(4096, '2'));
  Detach(one);
  EXPECT_EQ(Read(two, 4096, 4096), Image().substr(4096, 4096));
  Detach(two);
  EXPECT_EQ(Flattened().substr(0, 4096), std::string(4096, '2'));
}

TEST_P(BackendTest, AStoreIsAttachedOnce) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach("a");
  ExpectRefused(Request("b"), ErrorKind::kConflict);
  Write(disk, 0, "still here");
  EXPECT_EQ(Read(disk, 0, 10), "still here");
  Detach(disk);
  Detach(Attach("b"));
}

TEST_P(BackendTest, ADetachedDiskIsGone) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  Detach(disk);
  EXPECT_FALSE(std::filesystem::exists(disk.path));
  const auto again = backend_->Detach(disk.path);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(backend_->Fill(disk.path));
}

TEST_P(BackendTest, MismatchedAndMissingFilesAreRefused) {
  MakeDisk(MiB(1));
  DiskRequest request = Request();
  request.store = dir_ / "missing";
  ExpectRefused(request, ErrorKind::kNotFound);
  request = Request();
  request.origin = dir_ / "missing";
  ExpectRefused(request, ErrorKind::kNotFound);
  support::WriteFile(dir_ / "longer", Pattern(MiB(2).value(), 2));
  request.origin = dir_ / "longer";
  ExpectRefused(request, ErrorKind::kCorrupt);
  support::WriteFile(dir_ / "foreign", std::string(100'000, 'x'));
  request = Request();
  request.store = dir_ / "foreign";
  ExpectRefused(request, ErrorKind::kCorrupt);
  request.store = image_;
  ExpectRefused(request, ErrorKind::kUsage);
  Detach(Attach());
}

TEST_P(BackendTest, AStoreThatTheKernelGaveUpIsRefused) {
  MakeDisk(MiB(1));
  const UniqueFd fd(::open(store_.c_str(), O_RDWR | O_CLOEXEC));
  const char zero = 0;
  ASSERT_EQ(::pwrite(fd.get(), &zero, 1, 4), 1);  // the header's "valid"
  ExpectRefused(Request(), ErrorKind::kCorrupt);
}

TEST_P(BackendTest, AStoreOfZerosIsAnEmptyStore) {
  MakeDisk(MiB(2));
  support::MakeZeros(store_, MiB(3).value());
  const AttachedDisk disk = Attach();
  EXPECT_EQ(Read(disk, 0, MiB(2).value()), Image());
  Write(disk, 0, "first");
  Detach(disk);
  EXPECT_EQ(Flattened().substr(0, 5), "first");
}

TEST_P(BackendTest, FillFollowsWhatIsWrittenAndGrowMakesRoom) {
  MakeDisk(MiB(16), MiB(4));
  const AttachedDisk disk = Attach();
  const auto before = backend_->Fill(disk.path);
  ASSERT_TRUE(Succeeds(before));
  Write(disk, 0, Pattern(MiB(2).value(), 4));
  if (live()) {
    const auto after = backend_->Fill(disk.path);
    ASSERT_TRUE(Succeeds(after));
    EXPECT_GE(after->used, before->used + MiB(2));
    EXPECT_EQ(after->capacity, before->capacity);
    EXPECT_GT(after->fill(), before->fill());
  }
  const auto grown = backend_->Grow(disk.path, kWholeDisk);
  ASSERT_TRUE(Succeeds(grown));
  EXPECT_GT(grown->capacity, MiB(16));
  const std::string fresh = Pattern(MiB(16).value(), 9);
  Write(disk, 0, fresh);
  EXPECT_EQ(Read(disk, 0, fresh.size()), fresh);
  ExpectInStore(disk, fresh);
}

TEST_P(BackendTest, GrowingToWhatIsThereChangesNothing) {
  MakeDisk(MiB(4));
  const AttachedDisk disk = Attach();
  const auto size = std::filesystem::file_size(store_);
  const auto grown = backend_->Grow(disk.path, MiB(1));
  ASSERT_TRUE(Succeeds(grown));
  EXPECT_EQ(std::filesystem::file_size(store_), size);
  Detach(disk);
}

TEST_P(BackendTest, AReadOnlyDiskDoesNotGrow) {
  MakeDisk(MiB(4), MiB(1));
  const auto size = std::filesystem::file_size(store_);
  const AttachedDisk disk = AttachReadOnly();
  const auto grown = backend_->Grow(disk.path, kWholeDisk);
  ASSERT_FALSE(grown);
  EXPECT_EQ(KindName(grown.error().kind), KindName(ErrorKind::kUsage)) << grown.error().what;
  EXPECT_EQ(std::filesystem::file_size(store_), size);
  Detach(disk);
}

TEST_P(BackendTest, ExactlyTheDisksThatAreAttachedAreListed) {
  MakeDisk(MiB(1));
  EXPECT_THAT(Listed(), IsEmpty());
  const AttachedDisk one = Attach("one");
  store_ = dir_ / "other";
  MakeStore(store_, Bytes(0), Bytes(0));
  const AttachedDisk two = Attach("two");
  EXPECT_THAT(Listed(), UnorderedElementsAre(one.path, two.path));
  Detach(one);
  EXPECT_THAT(Listed(), ElementsAre(two.path));
  EXPECT_EQ(backend_->IsAttached(one.path), false);
  EXPECT_EQ(backend_->IsAttached(two.path), true);
  Detach(two);
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_P(LiveBackendTest, AReadOnlyDiskTakesNoWrites) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = AttachReadOnly();
  EXPECT_EQ(Read(disk, 0, MiB(1).value()), Image());
  {
    const DiskClient client(disk.path, DiskClient::For::kWriting);
    EXPECT_FALSE(client.valid() && client.Write(0, "x") && client.Flush());
  }
  Detach(disk);
  EXPECT_EQ(Flattened(), Image());
}

TEST_P(LiveBackendTest, ADiskInUseIsNotDetachedAndItsHolderIsNamed) {
  MakeDisk(MiB(1));
  const AttachedDisk disk = Attach();
  {
    const support::Opener opener(disk.path);
    const auto refused = backend_->Detach(disk.path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(refused.error().what, HasSubstr(opener.Name()));
    Write(disk, 0, "unharmed");
    EXPECT_EQ(Read(disk, 0, 8), "unharmed");
  }
  Detach(disk);
}

}  // namespace veneer::conformance
