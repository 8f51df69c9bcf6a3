#include "kernel/linux/read_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace veneer {

Result<std::string> ReadText(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  return ReadText(fd, path);
}

Result<std::string> ReadText(const UniqueFd& fd, const std::string& path) {
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) return FailErrno(errno, fmt::format("read {}", path));
  }
}

std::string ReadLineOr(const std::string& path, const std::string& otherwise) {
  Result<std::string> text = ReadText(path);
  if (!text) return otherwise;
  if (text->ends_with('\n')) text->pop_back();
  return *std::move(text);
}

std::string HostBootId() { return ReadLineOr("/proc/sys/kernel/random/boot_id", ""); }

}  // namespace veneer
