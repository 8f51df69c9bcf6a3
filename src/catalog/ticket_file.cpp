#include "catalog/ticket_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <limits>
#include <span>
#include <system_error>

#include "base/endian.h"

namespace veneer {
namespace {

constexpr off_t kCounterLock = 8;
constexpr off_t kHolderAt = 16;
constexpr off_t kNumbers = 4096;
constexpr std::size_t kHolderSize = 128;
constexpr std::size_t kLongestWord = 40;

// Far more than were ever drawn: the file is damaged. Keeps clear of the end of off_t.
constexpr std::uint64_t kHighestNumber = std::uint64_t{1} << 62U;

struct flock Range(short type, off_t at, off_t length) {
  struct flock range{};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = at;
  range.l_len = length;
  return range;
}

// What keeps the line a line of three words.
std::string Word(std::string_view text, std::string_view allowed) {
  std::string word(text.substr(0, kLongestWord));
  for (char& c : word) {
    const bool plain = c > ' ' && c < '\x7f';
    if (!plain && allowed.find(c) == std::string_view::npos) c = '_';
  }
  return word.empty() ? "?" : word;
}

std::string_view CutWord(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

}  // namespace

std::string EncodeHolder(const LockHolder& holder) {
  const std::string line =
      fmt::format("{} {} {}", holder.pid, Word(holder.verb, ""), Word(holder.command, " "));
  return fmt::format("{:<{}}\n", line, kHolderSize - 1);
}

std::optional<LockHolder> DecodeHolder(std::string_view text) {
  if (text.size() != kHolderSize || !text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t last = text.find_last_not_of(' ');
  if (last == std::string_view::npos) return std::nullopt;
  text = text.substr(0, last + 1);
  const std::string_view digits = CutWord(text);
  LockHolder holder;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), holder.pid);
  if (error != std::errc() || end != digits.data() + digits.size() || holder.pid <= 0) {
    return std::nullopt;
  }
  holder.verb = CutWord(text);
  holder.command = text;
  // Another's bytes go into messages: they must be as EncodeHolder makes them.
  if (holder.verb != Word(holder.verb, "") || holder.command != Word(holder.command, " ")) {
    return std::nullopt;
  }
  return holder;
}

Result<TicketFile> TicketFile::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
  return TicketFile(path, std::move(fd));
}

// False where another has the byte.
Result<bool> TicketFile::TryLock(off_t at) const {
  struct flock range = Range(F_WRLCK, at, 1);
  if (::fcntl(fd_.get(), F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return FailErrno(errno, fmt::format("lock {}", path_));
}

void TicketFile::Unlock(off_t at) const {
  struct flock range = Range(F_UNLCK, at, 1);
  ::fcntl(fd_.get(), F_OFD_SETLK, &range);
}

Result<std::uint64_t> TicketFile::LastNumber() const {
  std::array<std::byte, sizeof(std::uint64_t)> bytes{};
  const ssize_t got = ::pread(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return FailErrno(errno, fmt::format("read {}", path_));
  const auto number = LoadLittleEndian<std::uint64_t>(bytes, 0);
  if (number < kHighestNumber) return number;
  return Fail(ErrorKind::kCorrupt, fmt::format("{} is no lock file, or damaged", path_),
              "end the commands that have it open, and remove it");
}

Result<void> TicketFile::DrawNext() {
  const std::uint64_t last = VENEER_TRY(LastNumber());
  // Locked before it is counted: whoever sees a higher number sees this one at work. Nobody else
  // can have it, for numbers are drawn one at a time.
  const bool locked = VENEER_TRY(TryLock(kNumbers + static_cast<off_t>(last + 1)));
  if (!locked) {
    return Fail(ErrorKind::kCorrupt, fmt::format("{} was changed by somebody else", path_),
                "end the commands that have it open, and remove it");
  }
  std::array<std::byte, sizeof(std::uint64_t)> bytes{};
  StoreLittleEndian<std::uint64_t>(bytes, 0, last + 1);
  const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), 0);
  if (written != static_cast<ssize_t>(bytes.size())) {
    return FailErrno(written < 0 ? errno : ENOSPC, fmt::format("write {}", path_));
  }
  number_ = last + 1;
  return {};
}

Result<bool> TicketFile::Draw() {
  const bool alone = VENEER_TRY(TryLock(kCounterLock));
  if (!alone) return false;
  const Result<void> drawn = DrawNext();
  Unlock(kCounterLock);
  if (!drawn) return Fail(drawn.error());
  return true;
}

Result<bool> TicketFile::IsTurn() {
  if (number_ == 0) {
    const bool drawn = VENEER_TRY(Draw());
    if (!drawn) return false;
  }
  // The bytes of all lower numbers; byte 0 is nobody's, and makes the length more than 0, which
  // would mean all the rest.
  struct flock range = Range(F_WRLCK, kNumbers, static_cast<off_t>(number_));
  if (::fcntl(fd_.get(), F_OFD_GETLK, &range) != 0) {
    return FailErrno(errno, fmt::format("look at the locks of {}", path_));
  }
  return range.l_type == F_UNLCK;
}

bool TicketFile::IsAtPath() const {
  struct stat open{};
  struct stat there{};
  return ::fstat(fd_.get(), &open) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

Result<void> TicketFile::Sign(const LockHolder& holder) {
  const std::string text = EncodeHolder(holder);
  const ssize_t written = ::pwrite(fd_.get(), text.data(), text.size(), kHolderAt);
  if (written == static_cast<ssize_t>(text.size())) return {};
  return FailErrno(written < 0 ? errno : ENOSPC, fmt::format("write {}", path_));
}

std::optional<LockHolder> TicketFile::ReadHolder() const {
  std::array<char, kHolderSize> text{};
  const ssize_t got = ::pread(fd_.get(), text.data(), text.size(), kHolderAt);
  if (got < 0) return std::nullopt;
  return DecodeHolder(std::string_view(text.data(), static_cast<std::size_t>(got)));
}

}  // namespace veneer
