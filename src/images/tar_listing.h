// Reads what GNU tar says is in an archive, before anything is unpacked.
//
// The listing is that of `tar --list --verbose --numeric-owner --quoting-style=escape
// --absolute-names`: a line for each member, with no line break in any name:
//
//   -rw-r--r-- 0/0            1234 2024-01-31 12:00 ./etc/hosts
//   hrw-r--r-- 0/0               0 2024-01-31 12:00 ./a link to ./b
//   lrwxrwxrwx 0/0               0 2024-01-31 12:00 ./c -> ../d
//
// tar itself strips or skips names that lead out of where it unpacks; an archive that has one is no
// image of a root file system, and is refused as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

class TarListing {
 public:
  // More members than any root file system has: each takes an inode of the host.
  static constexpr std::uint64_t kMostMembers = 20'000'000;

  // The next piece of the listing, cut anywhere. kCorrupt: a name that is absolute or has "..", of
  // a member or a hard link's target, or what is no such line; kNoSpace: over `largest` bytes, or
  // too many members. Total.
  explicit TarListing(Bytes largest) : largest_(largest) {}
  Result<void> Add(std::string_view text);

  // kCorrupt: it ended within a line, or has no members.
  [[nodiscard]] Result<void> Finish() const;

  [[nodiscard]] Bytes bytes() const { return bytes_; }  // of files, holes and all
  [[nodiscard]] std::uint64_t members() const { return members_; }

 private:
  Result<void> AddLine(std::string_view line);
  Result<void> AddSize(std::string_view digits);

  Bytes largest_;
  std::string begun_;  // of a line
  Bytes bytes_;
  std::uint64_t members_ = 0;
};

}  // namespace veneer
