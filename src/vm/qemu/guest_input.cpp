#include "vm/qemu/guest_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/unique_fd.h"
#include "kernel/linux/wait_until.h"
#include "vm/qemu/exec_server.h"

namespace veneer {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds kSettling{5};
// 0 and 1, 2 and 3, … are in and out of the first port, of control, of the other ports (virtio 1.1,
// 5.3.2). The first port is nobody's.
constexpr unsigned kControlQueue = 2;
constexpr unsigned kLastQueue = kControlQueue + 2 * (kExecPorts + 1) + 1;  // the agent's is a port
constexpr std::uint64_t kCountInRing = 2;                                  // behind the flags

std::unexpected<Error> NoMark() {
  return Fail(ErrorKind::kCorrupt, "QEMU does not tell about the machine's ports");
}

std::optional<std::uint64_t> NumberIn(const Json& answer, const char* name, std::uint64_t most) {
  const auto found = answer.find(name);
  if (found == answer.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto number = found->get<std::uint64_t>();
  return number <= most ? std::optional(number) : std::nullopt;
}

// The device that has the ports.
Result<std::string> PathOfPorts(Qmp& qmp) {
  const Json devices = VENEER_TRY(qmp.Run("x-query-virtio"));
  if (!devices.is_array()) return NoMark();
  for (const Json& each : devices) {
    const bool whole = each.is_object() && each.contains("name") && each.contains("path") &&
                       each["path"].is_string();
    if (whole && each["name"] == "virtio-serial") return each["path"].get<std::string>();
  }
  return NoMark();
}

Result<InputMarks> MarksOf(Qmp& qmp, const std::string& path) {
  std::vector<Json> queues;
  for (unsigned queue = kControlQueue; queue <= kLastQueue; ++queue) {
    queues.push_back({{"path", path}, {"queue", queue}});
  }
  InputMarks marks;
  for (const Json& answer : VENEER_TRY(qmp.RunEach("x-query-virtio-queue-status", queues))) {
    marks.push_back(VENEER_TRY(DecodeInputMark(answer)));
  }
  return marks;
}

}  // namespace

Result<InputMark> DecodeInputMark(const Json& answer) {
  if (!answer.is_object()) return NoMark();
  const auto ring = NumberIn(answer, "vring-used", UINT64_MAX);
  const auto count = NumberIn(answer, "used-idx", UINT16_MAX);
  if (!ring || !count) return NoMark();
  return InputMark{.ring = *ring, .count = static_cast<std::uint16_t>(*count)};
}

Result<InputMarks> MarkInput(Qmp& qmp) { return MarksOf(qmp, VENEER_TRY(PathOfPorts(qmp))); }

Result<InputMarks> SettledInput(Qmp& qmp) {
  const std::string path = VENEER_TRY(PathOfPorts(qmp));
  Result<InputMarks> marks = MarksOf(qmp, path);
  const bool still = WaitUntil(kSettling, [&] {
    if (!marks) return true;
    auto again = MarksOf(qmp, path);
    const bool same = again && *again == *marks;
    marks = std::move(again);
    return same;
  });
  if (still || !marks) return marks;
  return Fail(ErrorKind::kConflict, "the machine's ports do not get still",
              "end the commands that are sent much, or say much to a slow reader");
}

std::optional<std::uint64_t> PlaceInMemory(std::uint64_t address, Bytes memory) {
  constexpr std::uint64_t kHigh = GiB(4).value();
  constexpr std::uint64_t kMostLow = 0xe0000000;  // hw/i386/pc_piix.c
  const std::uint64_t low = memory.value() >= kMostLow ? GiB(3).value() : memory.value();
  if (address < low) return address;
  if (address < kHigh) return std::nullopt;
  const std::uint64_t place = low + (address - kHigh);
  return place < memory.value() ? std::optional(place) : std::nullopt;
}

Result<bool> HasMarks(const std::string& memory_file, const InputMarks& marks) {
  const UniqueFd fd(::open(memory_file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return FailErrno(errno, memory_file);
  const Bytes memory(static_cast<std::uint64_t>(status.st_size));
  for (const InputMark& mark : marks) {
    if (mark.ring == 0) continue;
    const auto place = PlaceInMemory(mark.ring + kCountInRing, memory);
    if (!place) return NoMark();
    std::array<unsigned char, 2> bytes{};
    if (::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(*place)) !=
        static_cast<ssize_t>(bytes.size())) {
      return FailErrno(errno == 0 ? EIO : errno, fmt::format("read {}", memory_file));
    }
    const unsigned count = bytes[0] | (static_cast<unsigned>(bytes[1]) << 8U);
    if (count != mark.count) return false;
  }
  return true;
}

}  // namespace veneer
