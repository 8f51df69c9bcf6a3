// A whole hostile store: check it, ask it, read a disk through it, write to that disk.
//
// The input is a list of records, two bytes of position (in units of 16 bytes) and 16 bytes of
// contents, laid over a small store; the first byte of all picks its size. A store that passes the
// check must be readable in full, and what is written to it must be there when it is opened again.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cow/check.h"
#include "cow/cow_disk.h"
#include "cow/store_info.h"
#include "format/header.h"
#include "kernel/testing/fake_file.h"

namespace veneer {
namespace {

constexpr std::size_t kChunk = 4096;
constexpr std::size_t kImageSize = 40 * kChunk + 100;
// A store may say that its disk is of any size: this much of it is read, from its beginning.
constexpr std::uint64_t kMostRead = 100 * kChunk;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::unique_ptr<testing::FakeFile> StoreOf(std::span<const std::uint8_t> input) {
  const std::size_t chunks = input.empty() ? 0 : input[0] % 6 == 0 ? input[0] : 300;
  const std::size_t size = chunks * kChunk + (input.empty() ? 0 : input[0] % 3);
  auto store = std::make_unique<testing::FakeFile>(Bytes(size));
  const auto file = store->Open();
  const auto put = [&](std::size_t at, std::span<const std::byte> bytes) {
    const std::size_t inside = std::min(bytes.size(), size - std::min(at, size));
    Require(file->WriteAt(ByteOffset(at), bytes.first(inside)).has_value());
  };
  std::array<std::byte, kHeaderBytes> header{};
  EncodeHeader({Activation::kValid, ChunkSize(), std::nullopt}, header);
  put(0, header);
  constexpr std::size_t kRecord = 18;
  for (std::size_t at = 1; at + kRecord <= input.size(); at += kRecord) {
    const std::size_t place = (input[at] | std::size_t{input[at + 1]} << 8U) * 16;
    put(place, std::as_bytes(input.subspan(at + 2, 16)));
  }
  Require(file->Sync().has_value());
  return store;
}

void UseDisk(testing::FakeFile& origin, testing::FakeFile& store) {
  auto disk = CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadWrite);
  // A sound store may be of a disk that the engine's index cannot keep.
  if (!disk && disk.error().kind == ErrorKind::kUnsupported) return;
  Require(disk.has_value());
  const std::uint64_t size = (*disk)->size().value();
  Require(size >= kImageSize);
  std::vector<std::byte> contents(std::min(size, kMostRead));
  Require((*disk)->Read(ByteOffset(0), contents).has_value());
  std::vector<std::byte> end(100);
  Require((*disk)->Read(ByteOffset(size - end.size()), end).has_value());

  const std::vector<std::byte> data(3 * kChunk, std::byte{0x77});
  const auto written = (*disk)->Write(ByteOffset(5000), data);
  Require(written.has_value() || written.error().kind == ErrorKind::kNoSpace);
  Require((*disk)->Flush().has_value());
  disk->reset();

  const auto report = CheckStore(*store.Open(), Bytes(kImageSize), [](const Fault&) {});
  Require(report && report->faults == 0);
  disk = CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadOnly);
  Require(disk.has_value());
  std::vector<std::byte> again(contents.size());
  Require((*disk)->Read(ByteOffset(0), again).has_value());
  if (!written) return;
  std::ranges::copy(data, contents.begin() + 5000);
  Require(again == contents);
}

void CheckAndUse(std::span<const std::uint8_t> input) {
  const auto model = StoreOf(input);
  testing::FakeFile& store = *model;
  testing::FakeFile origin{Bytes(kImageSize)};
  std::uint64_t seen = 0;
  const auto report = CheckStore(*store.Open(), Bytes(kImageSize), [&](const Fault& fault) {
    ++seen;
    Require(!fault.message.empty());
  });
  Require(report && report->faults == seen);
  ReadStoreInfo(*store.Open()).Ignore("it need only come to an end");
  ReadRuns(*store.Open()).Ignore("it need only come to an end");
  if (report->faults == 0) {
    UseDisk(origin, store);
  } else {
    Require(!CowDisk::Open(origin.Open(), store.Open(), DiskAccess::kReadWrite).has_value());
  }
}

}  // namespace
}  // namespace veneer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  veneer::CheckAndUse({data, size});
  return 0;
}
