// What comes as text from the kernel, from files and from sockets: each decoder takes any bytes,
// and what it understood survives being written and read again.
//
// The first byte of the input picks the decoder.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "backend/dm/disk_record.h"
#include "backend/dm/names.h"
#include "backend/dm/snapshot_target.h"
#include "backend/user/messages.h"
#include "kernel/linux/dm_ioctl.h"
#include "kernel/mount_table.h"

namespace veneer {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void SnapshotStatus(std::string_view text) {
  const auto fill = dm::ParseSnapshotStatus(text);
  if (!fill) {
    Require(!fill.error().what.empty());
    return;
  }
  Require(fill->condition != StoreCondition::kGood || fill->used % kSectorSize == Bytes(0));
}

void DmRecord(std::string_view text) {
  const auto record = dm::DecodeRecord(text);
  if (!record) return;
  const std::string once = dm::EncodeRecord(*record);
  const auto again = dm::DecodeRecord(once);
  Require(again && dm::EncodeRecord(*again) == once);
}

void UserRecord(std::string_view text) {
  const auto record = DecodeRecord(text);
  if (!record) return;
  const std::string once = EncodeRecord(*record);
  const auto again = DecodeRecord(once);
  Require(again && EncodeRecord(*again) == once);
}

void Messages(std::string_view text) {
  DecodeAttached(text).Ignore("an error is an answer");
  DecodeDone(text).Ignore("an error is an answer");
  if (const auto request = DecodeRequest(text)) {
    const std::string once = EncodeRequest(*request);
    const auto again = DecodeRequest(once);
    Require(again && EncodeRequest(*again) == once);
  }
  DecodeClone(text).Ignore("an error is an answer");
  DecodeFill(text).Ignore("an error is an answer");
  DecodeStatus(text).Ignore("an error is an answer");
}

void DeviceList(std::string_view text) {
  const auto devices = DecodeDmList(std::as_bytes(std::span(text)));
  if (!devices) return;
  for (const DmDevice& device : *devices)
    Require(device.name.size() + device.uuid.size() <= text.size());
}

void Mounts(std::string_view text) {
  for (const MountEntry& entry : ParseMountTable(text)) Require(!entry.path.empty());
}

void Names(std::string_view text) {
  if (!dm::RequireDiskName(text)) return;
  const dm::DeviceNames names = dm::NamesOfDisk("0123456789abcdef", text);
  Require(dm::DiskOfUuid("0123456789abcdef", names.uuid) == text);
}

}  // namespace
}  // namespace veneer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array kDecoders{veneer::SnapshotStatus, veneer::DmRecord, veneer::UserRecord,
                                 veneer::Messages,       veneer::Mounts,   veneer::Names,
                                 veneer::DeviceList};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  kDecoders.at(data[0] % kDecoders.size())(text);
  return 0;
}
