#include "vm/qemu/console_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "kernel/linux/read_text.h"

namespace veneer {
namespace {

std::string HalfPath(const std::string& directory, unsigned half) {
  return fmt::format("{}/console.{}", directory, half);
}

struct Half {
  std::uint64_t begin = 0;
  std::string text;
};

std::optional<Half> ReadHalf(const std::string& directory, unsigned number) {
  Result<std::string> file = ReadText(HalfPath(directory, number));
  if (!file) return std::nullopt;
  Half half;
  const auto [end, error] = std::from_chars(file->data(), file->data() + file->size(), half.begin);
  const auto header = static_cast<std::size_t>(end - file->data()) + 1;
  if (error != std::errc{} || header > file->size()) return std::nullopt;
  half.text = file->substr(header);
  return half;
}

}  // namespace

Result<void> ConsoleLog::BeginHalf() {
  half_ = 1 - half_;
  in_half_ = 0;
  const std::string path = HalfPath(directory_, half_);
  // A new file: whoever reads the old one goes on with it.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove {}", path));
  }
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  const std::string header = fmt::format("{}\n", total_);
  if (!fd_.valid() || ::write(fd_.get(), header.data(), header.size()) < 0) {
    return FailErrno(errno, fmt::format("write {}", path));
  }
  return {};
}

Result<void> ConsoleLog::Append(std::string_view text) {
  while (!text.empty()) {
    if (!fd_.valid() || in_half_ >= kHalf) VENEER_TRY(BeginHalf());
    const std::string_view piece = text.substr(0, kHalf - in_half_);
    const ssize_t n = ::write(fd_.get(), piece.data(), piece.size());
    if (n < 0) return FailErrno(errno, "write the console's log");
    in_half_ += static_cast<std::size_t>(n);
    total_ += static_cast<std::uint64_t>(n);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<ConsoleText> ConsoleLog::Read(const std::string& directory, std::uint64_t from) {
  std::array<std::optional<Half>, 2> halves{ReadHalf(directory, 0), ReadHalf(directory, 1)};
  const auto begin = [](const std::optional<Half>& half) { return half ? half->begin : 0; };
  if (begin(halves[0]) > begin(halves[1])) std::swap(halves[0], halves[1]);
  ConsoleText found{.next = from};
  for (const std::optional<Half>& half : halves) {
    if (!half || half->begin + half->text.size() <= found.next) continue;
    const std::uint64_t skip = found.next > half->begin ? found.next - half->begin : 0;
    found.text += half->text.substr(skip);
    found.next = half->begin + half->text.size();
  }
  return found;
}

std::string ConsoleLog::Tail(const std::string& directory, std::size_t most) {
  const Result<ConsoleText> all = Read(directory, 0);
  if (!all) return "";
  return all->text.substr(all->text.size() - std::min(most, all->text.size()));
}

}  // namespace veneer
