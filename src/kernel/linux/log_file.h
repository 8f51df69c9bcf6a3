// LogFile: a text file that several processes append lines to, and that never grows without bound.
//
// Each line is one write to a file opened for appending: lines of several processes never mix.
// A file that would exceed the limit becomes PATH.1, in place of an older one, and a new one
// begins: two files are kept. Whoever still has the old one open sees by its size that it is full,
// and opens the new one. A lock on the old file (flock) lets one process rename it.
//
// Best effort throughout: a disk that is full or read-only drops lines, and a line that met a full
// disk may be cut. PATH is not followed where it is a link, and left alone where it is no file.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "base/units.h"

namespace veneer {

class LogFile {
 public:
  static constexpr Bytes kLimit = MiB(8);

  // Opened, and made for its owner alone, by the first Append.
  explicit LogFile(std::string path, Bytes limit = kLimit)
      : path_(std::move(path)), limit_(limit) {}

  // `line` ends in its line break. One thread at a time.
  void Append(std::string_view line);

 private:
  void Open();
  // Where the file is full: makes the file at PATH another one, or opens the one that already is.
  void MakeRoomFor(std::size_t size);

  std::string path_;
  Bytes limit_;
  UniqueFd fd_;
};

}  // namespace veneer
