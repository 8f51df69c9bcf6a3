// Room on a file system, and how much of it is never to be taken.
//
// A host that is full stops every sandbox on it: the reserve is what making images leaves free.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// The larger of the two is left free. By default 5 %: that is 1 GiB of 20 GiB.
struct SpaceReserve {
  unsigned percent = 5;  // of the file system's size; 0 to 99
  Bytes size;
};

// Reads "5%", "0%" or a size ("2G"). kUsage.
Result<SpaceReserve> ParseSpaceReserve(std::string_view text);

struct FileSystemRoom {
  Bytes total;
  Bytes available;  // to users who are not root: the rest is the file system's own reserve
};

Bytes ReservedOf(Bytes total, const SpaceReserve& reserve);

// kNoSpace, with numbers and what to do, where `needed` more bytes would touch the reserve.
// `directory` is for the message. Pure.
Result<void> JudgeRoom(const FileSystemRoom& room, Bytes needed, const SpaceReserve& reserve,
                       const std::string& directory);

// Of the file system that holds the directory. kNotFound.
Result<FileSystemRoom> RoomIn(const std::string& directory);

// Both.
Result<void> RequireRoom(const std::string& directory, Bytes needed, const SpaceReserve& reserve);

}  // namespace veneer
