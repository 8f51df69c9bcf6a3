#include "images/tar_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/size_text.h"

namespace veneer {
namespace {

// Names in a file system have at most 4096 bytes, each of which may be escaped by four; two of
// them.
constexpr std::size_t kLongestLine = std::size_t{64} << 10U;
constexpr std::size_t kShown = 200;

std::unexpected<Error> Unreadable() {
  return Fail(ErrorKind::kCorrupt, "what tar says of the archive cannot be understood",
              "look at it with tar --list --verbose");
}

// Takes the next word off the line; empty at its end.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

bool LeadsOut(std::string_view name) {
  if (name.starts_with('/')) return true;
  while (true) {
    const std::size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    name.remove_prefix(slash + 1);
  }
}

Result<void> RequireInside(std::string_view name) {
  if (name.empty()) return Unreadable();
  if (!LeadsOut(name)) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the archive's member '{}' leads out of it", name.substr(0, kShown)),
              "make the archive of relative names: tar -C ROOT -cf ARCHIVE .");
}

}  // namespace

Result<void> TarListing::Add(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    begun_ += text.substr(0, end);
    if (begun_.size() > kLongestLine) return Unreadable();
    if (end == std::string_view::npos) return {};
    VENEER_TRY(AddLine(begun_));
    begun_.clear();
    text.remove_prefix(end + 1);
  }
  return {};
}

Result<void> TarListing::AddSize(std::string_view digits) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || end != digits.data() + digits.size()) return Unreadable();
  if (size > (largest_ - bytes_).value()) {
    return Fail(ErrorKind::kNoSpace,
                fmt::format("the archive holds more than {}", FormatSize(largest_)),
                "raise the limit on the size of images, if it is to be that large");
  }
  bytes_ += Bytes(size);
  return {};
}

Result<void> TarListing::AddLine(std::string_view line) {
  if (++members_ > kMostMembers) {
    return Fail(ErrorKind::kNoSpace, fmt::format("the archive has over {} members", kMostMembers),
                "make an image of it yourself, with mkfs.ext4");
  }
  const std::string_view mode = TakeWord(line);
  const std::string_view owner = TakeWord(line);
  const std::string_view size = TakeWord(line);
  const std::string_view date = TakeWord(line);
  const std::string_view time = TakeWord(line);
  if (owner.empty() || date.empty() || time.empty() || !line.starts_with(' ')) return Unreadable();
  line.remove_prefix(1);
  // A device has two numbers there. All others count: tar unpacks types that it does not know as
  // regular files.
  if (!mode.starts_with('b') && !mode.starts_with('c')) VENEER_TRY(AddSize(size));
  // A symbolic link may point anywhere: that is for the guest to follow.
  if (mode.starts_with('l')) line = line.substr(0, line.find(" -> "));
  if (mode.starts_with('h')) {
    constexpr std::string_view kArrow = " link to ";
    const std::size_t arrow = line.find(kArrow);
    if (arrow == std::string_view::npos) return Unreadable();
    VENEER_TRY(RequireInside(line.substr(arrow + kArrow.size())));
    line = line.substr(0, arrow);
  }
  return RequireInside(line);
}

Result<void> TarListing::Finish() const {
  if (!begun_.empty()) return Unreadable();
  if (members_ == 0) return Fail(ErrorKind::kCorrupt, "the archive is empty");
  return {};
}

}  // namespace veneer
