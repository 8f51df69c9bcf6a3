#include "backend/dm/block_stat.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <cstdint>
#include <system_error>
#include <vector>

#include "kernel/linux/read_text.h"

namespace veneer::dm {
namespace {

constexpr std::size_t kFieldsWithoutFlushes = 11;
constexpr std::size_t kFlushes = 15;

std::vector<std::uint64_t> NumbersIn(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    while (at != end && (*at == ' ' || *at == '\n')) ++at;
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return numbers;
    numbers.push_back(number);
    at = next;
  }
}

}  // namespace

Result<DiskCounters> ParseBlockStat(std::string_view text) {
  const std::vector<std::uint64_t> numbers = NumbersIn(text);
  if (numbers.size() < kFieldsWithoutFlushes) {
    return Fail(ErrorKind::kFailed, "what the kernel counts of a block device is not understood");
  }
  const std::uint64_t sector = kSectorSize.value();
  return DiskCounters{.reads = numbers[0],
                      .writes = numbers[4],
                      .flushes = numbers.size() > kFlushes ? numbers[kFlushes] : 0,
                      .errors = 0,
                      .bytes_read = Bytes(numbers[2] * sector),
                      .bytes_written = Bytes(numbers[6] * sector)};
}

Result<DiskCounters> CountersOf(dev_t device) {
  const std::string text =
      VENEER_TRY(ReadText(fmt::format("/sys/dev/block/{}:{}/stat", major(device), minor(device))));
  return ParseBlockStat(text);
}

}  // namespace veneer::dm
