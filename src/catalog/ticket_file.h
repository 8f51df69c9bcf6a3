// TicketFile: the file behind an ObjectLock. Everybody who wants the object has one open, draws a
// number, and waits until nobody has a lower one.
//
//      0   8 bytes, little endian: the number that was drawn last; 0 where nobody has
//      8   1 byte, only ever locked: by who draws a number, meanwhile
//     16   128 bytes: "PID VERB COMMAND", spaces, a line break: who had its turn last
//   4096+n 1 byte, never written: locked by who has drawn number n
//
// The locks are those of open file descriptions (fcntl(2), F_OFD_SETLK): they end with the last
// descriptor of it, however that ends. Nothing here waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

struct LockHolder {
  pid_t pid = 0;
  std::string verb;
  std::string command;
};

// Always of one length, so that it leaves nothing of another.
std::string EncodeHolder(const LockHolder& holder);
// Total: nothing for what is no such line.
std::optional<LockHolder> DecodeHolder(std::string_view text);

class TicketFile {
 public:
  // Makes the file where it is missing.
  static Result<TicketFile> Open(const std::string& path);

  // Draws a number if this one has none, and says whether it is its turn. False also where another
  // is just drawing: ask again. kCorrupt: the file is not of this kind.
  Result<bool> IsTurn();

  // Whether the path still names this file: who has the turn may have removed it.
  [[nodiscard]] bool IsAtPath() const;

  // For who has its turn.
  Result<void> Sign(const LockHolder& holder);
  [[nodiscard]] std::optional<LockHolder> ReadHolder() const;

  // The number and its turn last as long as this descriptor.
  [[nodiscard]] UniqueFd TakeFd() && { return std::move(fd_); }

 private:
  TicketFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<bool> Draw();
  Result<void> DrawNext();
  [[nodiscard]] Result<std::uint64_t> LastNumber() const;
  [[nodiscard]] Result<bool> TryLock(off_t at) const;
  void Unlock(off_t at) const;

  std::string path_;
  UniqueFd fd_;
  std::uint64_t number_ = 0;  // 0: none
};

}  // namespace veneer
