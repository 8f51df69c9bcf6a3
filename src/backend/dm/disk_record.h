// The record of a disk of the kernel's way: what is to be undone or adopted when the command that
// worked on it was killed.
//
//   <run>/dm/NAME.json     {"state":"attached","store":…,"origin":…,"read_only":false,
//                           "store_loop":7|null,"padded_origin":"veneer-origin:3:8192"|null}
//
// A command that changes a disk holds a lock on its record meanwhile, and writes down first what it
// is about to do. An unlocked record that says anything but kAttached was left by one that died.
// The run directory goes with a reboot, and the devices with it. Blanks may follow the object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cow/cow_disk.h"

namespace veneer::dm {

enum class RecordState : std::uint8_t {
  kAttaching,  // also what an empty or unreadable record means
  kAttached,
  kDetaching,
  kCloning,  // attached; its users may be held back
  kHeld,     // attached; its users are held back until there is room on the host
};

// Whether a disk in this state is there for its users, at once or in a moment.
inline bool IsAttached(RecordState state) {
  return state == RecordState::kAttached || state == RecordState::kCloning ||
         state == RecordState::kHeld;
}

struct DiskRecord {
  RecordState state = RecordState::kAttaching;
  std::string store{};   // absolute
  std::string origin{};  // absolute
  DiskAccess access = DiskAccess::kReadWrite;
  std::optional<unsigned> store_loop{};        // nothing: not known yet, or the record was lost
  std::optional<std::string> padded_origin{};  // the name of that device
};

std::string EncodeRecord(const DiskRecord& record);
// Total: kCorrupt for text that is no record.
Result<DiskRecord> DecodeRecord(std::string_view text);

// A record that this process works on. Released when it goes out of scope; the file stays.
class LockedRecord {
 public:
  // Makes an empty one where there is none. kConflict where another process works on it.
  static Result<LockedRecord> Take(const std::string& directory, const std::string& disk);
  // kNotFound where there is none.
  static Result<LockedRecord> TakeExisting(const std::string& directory, const std::string& disk);

  [[nodiscard]] const DiskRecord& record() const { return record_; }
  // Whether Take made it.
  [[nodiscard]] bool made() const { return made_; }

  // On failure the record is as it was.
  Result<void> Write(const DiskRecord& record);
  // Removes the file.
  void Erase();

 private:
  LockedRecord(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  static Result<LockedRecord> Lock(const std::string& path, int flags);
  Result<void> Load();
  Result<void> WriteText(std::string text);

  std::string path_;
  UniqueFd fd_;
  DiskRecord record_;
  bool made_ = false;
};

// Reads a record without its lock: as it was at some moment. kNotFound where there is none.
Result<DiskRecord> ReadRecord(const std::string& directory, const std::string& disk);

// The disks that have one; none where there is no such directory.
Result<std::vector<std::string>> RecordedDisks(const std::string& directory);

}  // namespace veneer::dm
