#include "kernel/linux/dm_ioctl.h"

#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace veneer {
namespace {

// Builds what the kernel returns.
class ListBuilder {
 public:
  void Add(std::uint64_t device, const std::string& name, const std::string& uuid) {
    if (!bytes_.empty()) PutAt(last_ + 8, static_cast<std::uint32_t>(bytes_.size() - last_));
    last_ = bytes_.size();
    Put(device);
    Put(std::uint32_t{0});
    PutText(name);
    Put(std::uint32_t{5});  // events
    Put(uuid.empty() ? std::uint32_t{DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID}
                     : std::uint32_t{DM_NAME_LIST_FLAG_HAS_UUID});
    if (!uuid.empty()) PutText(uuid);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  template <class Number>
  void PutAt(std::size_t at, Number number) {
    std::memcpy(&bytes_[at], &number, sizeof number);
  }
  template <class Number>
  void Put(Number number) {
    bytes_.resize(bytes_.size() + sizeof number);
    PutAt(bytes_.size() - sizeof number, number);
  }
  void PutText(const std::string& text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    do bytes_.push_back(std::byte{0});
    while (bytes_.size() % 8 != 0);
  }
  std::vector<std::byte> bytes_;
  std::size_t last_ = 0;
};

std::vector<std::byte> ThreeDevices() {
  ListBuilder list;
  list.Add(makedev(254, 0), "a", "VENEER-1");
  list.Add(makedev(254, 1), "of-someone-else", "");
  list.Add(makedev(254, 300), "exact12", "VENEER-2-with-a-longer-tail");
  return list.bytes();
}

TEST(DmListTest, NamesUuidsAndNumbersAreRead) {
  const auto devices = DecodeDmList(ThreeDevices()).value();
  ASSERT_EQ(devices.size(), 3U);
  EXPECT_EQ(devices[0].name, "a");
  EXPECT_EQ(devices[0].uuid, "VENEER-1");
  EXPECT_EQ(devices[1].name, "of-someone-else");
  EXPECT_EQ(devices[1].uuid, "");
  EXPECT_EQ(devices[2].uuid, "VENEER-2-with-a-longer-tail");
  EXPECT_EQ(devices[2].device, makedev(254, 300));
}

TEST(DmListTest, NoDeviceIsAnEmptyList) {
  EXPECT_TRUE(DecodeDmList(std::vector<std::byte>(16)).value().empty());
  EXPECT_TRUE(DecodeDmList({}).value().empty());
}

TEST(DmListTest, AListThatIsCutAnywhereIsCorruptAndNeverReadBeyond) {
  const std::vector<std::byte> whole = ThreeDevices();
  // The last UUID may lose its padding, not its NUL.
  const std::size_t needed = whole.size() - 4;
  for (std::size_t length = 8; length < needed; ++length) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<long>(length));
    const auto decoded = DecodeDmList(cut);
    ASSERT_FALSE(decoded) << length;
    EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_TRUE(DecodeDmList(std::span(whole).first(needed)));
}

TEST(DmListTest, ARecordThatPointsOutOfTheListIsCorrupt) {
  std::vector<std::byte> list = ThreeDevices();
  const std::uint32_t far = 1U << 30U;
  std::memcpy(&list[8], &far, sizeof far);
  EXPECT_EQ(DecodeDmList(list).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace veneer
