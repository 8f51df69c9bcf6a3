#include "images/qcow2_facts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace veneer {
namespace {

// Version 3, clusters of 64 KiB, a disk of 1 GiB, whole in itself.
class Header {
 public:
  Header() : bytes_(kQcow2Head.value()) {
    Put(0, 0x514649fb, 4);
    Put(4, 3, 4);
    Put(20, 16, 4);
    Put(24, GiB(1).value(), 8);
  }
  Header& Put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes_[at + i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)));
    }
    return *this;
  }
  Header& Cut(std::size_t size) {
    bytes_.resize(size);
    return *this;
  }
  [[nodiscard]] Result<Qcow2Facts> Judge() const { return JudgeQcow2Header(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

TEST(Qcow2HeaderTest, TellsTheSizesOfAWholeImage) {
  const Qcow2Facts facts = Header().Judge().value();
  EXPECT_EQ(facts.size, GiB(1));
  EXPECT_EQ(facts.cluster, KiB(64));
  EXPECT_TRUE(Header().Put(4, 2, 4).Cut(72).Judge());
}

TEST(Qcow2HeaderTest, RefusesWhatNeedsOtherFilesOrAKey) {
  EXPECT_EQ(Header().Put(8, 512, 8).Judge().error().what, "the qcow2 image needs a backing file");
  EXPECT_EQ(Header().Put(16, 11, 4).Judge().error().what, "the qcow2 image needs a backing file");
  EXPECT_EQ(Header().Put(72, 4, 8).Judge().error().what, "the qcow2 image needs a data file");
  EXPECT_EQ(Header().Put(32, 2, 4).Judge().error().kind, ErrorKind::kUsage);
}

TEST(Qcow2HeaderTest, NamesWhatIsDamaged) {
  EXPECT_EQ(Header().Cut(71).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Cut(103).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(72, 2, 8).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(20, 8, 4).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(20, 22, 4).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(24, 0, 8).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(24, 513, 8).Judge().error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Header().Put(24, ~std::uint64_t{511}, 8).Judge().error().kind, ErrorKind::kCorrupt);
}

TEST(Qcow2HeaderTest, LeavesLaterVersionsToLaterPrograms) {
  EXPECT_EQ(Header().Put(4, 4, 4).Judge().error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(Header().Put(4, 1, 4).Judge().error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(Header().Put(72, 32, 8).Judge().error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(Header().Put(72, 0x19, 8).Judge());  // dirty, compression type, extended L2
}

constexpr Qcow2Facts kFacts{.size = MiB(1), .cluster = KiB(64)};

TEST(Qcow2InfoTest, AgreesOrRefuses) {
  const auto kind_of = [](const std::string& more) {
    const auto judged =
        JudgeQcow2Info(R"({"format": "qcow2", "virtual-size": 1048576)" + more + "}", kFacts);
    return judged ? 0 : static_cast<int>(judged.error().kind);
  };
  EXPECT_EQ(kind_of(""), 0);
  EXPECT_EQ(kind_of(R"(, "format-specific": {"data": {"corrupt": false}})"), 0);
  const int usage = static_cast<int>(ErrorKind::kUsage);
  EXPECT_EQ(kind_of(R"(, "backing-filename": "/etc/shadow")"), usage);
  EXPECT_EQ(kind_of(R"(, "full-backing-filename": "/etc/shadow")"), usage);
  EXPECT_EQ(kind_of(R"(, "encrypted": true)"), usage);
  EXPECT_EQ(kind_of(R"(, "format-specific": {"data": {"data-file": "x"}})"), usage);
  const int corrupt = static_cast<int>(ErrorKind::kCorrupt);
  EXPECT_EQ(kind_of(R"(, "format-specific": {"data": {"corrupt": true}})"), corrupt);
  EXPECT_EQ(kind_of(R"(, "virtual-size": 512)"), corrupt);  // the last one counts
  EXPECT_EQ(kind_of(R"(, "format": "raw")"), corrupt);
}

TEST(Qcow2InfoTest, AnyOtherTextIsAnError) {
  for (const char* text : {"", "[]", "{", "{}", R"({"format": 3, "format-specific": []})"}) {
    EXPECT_FALSE(JudgeQcow2Info(text, kFacts)) << text;
  }
}

TEST(Qcow2CheckTest, TellsTheBytesThatTheImageHolds) {
  EXPECT_EQ(JudgeQcow2Check(R"({"check-errors": 0, "allocated-clusters": 3})", kFacts).value(),
            KiB(192));
  EXPECT_EQ(JudgeQcow2Check(R"({"leaks": 7})", kFacts).value(), MiB(1));
  EXPECT_EQ(JudgeQcow2Check(R"({"allocated-clusters": 18446744073709551615})", kFacts).value(),
            MiB(1));
  EXPECT_EQ(JudgeQcow2Check(R"({"allocated-clusters": -1})", kFacts).value(), MiB(1));
}

TEST(Qcow2CheckTest, DamageIsCorrupt) {
  EXPECT_EQ(JudgeQcow2Check(R"({"corruptions": 2})", kFacts).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(JudgeQcow2Check(R"({"check-errors": 1})", kFacts).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(JudgeQcow2Check("no", kFacts).error().kind, ErrorKind::kFailed);
}

}  // namespace
}  // namespace veneer
