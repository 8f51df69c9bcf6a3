// ObjectLock: one process at a time works on an object (a sandbox, a template), however many want
// to. Held by the open file: the kernel releases it when the process dies.
//
// Fair: they get it in the order in which they came. Each takes the next number of
// LOCKS/ID.lock and keeps the byte of that number locked (open file description locks, so threads
// exclude each other too); it is its turn when no lower byte is locked. A dead waiter's byte
// unlocks itself and is passed over. ticket_file.h has the layout.
//
// The file says who holds the lock; it stays when the lock goes, and `Forget` removes it with its
// object. A child that is forked holds the lock too until it execs, ends or drops it.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

class ObjectLock {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  // Waits for its turn, `patience` at most; then kConflict with who has it ("sb-1f… is in use by
  // process 812 (veneer): pause"). `verb`: what this one is about to do ("pause"), for others to
  // read. `locks`: the directory, made where it is missing. kUsage: `id` has other characters than
  // a-z, 0-9, '.', '_' and '-'. Any thread.
  static Result<ObjectLock> Take(const std::string& locks, const std::string& id,
                                 const std::string& verb,
                                 std::chrono::milliseconds patience = kPatience);

  // Without waiting: kConflict where anybody has it, waits for it, or is just asking.
  static Result<ObjectLock> TryTake(const std::string& locks, const std::string& id,
                                    const std::string& verb);

  // For an object that is gone: removes the file. Whoever waits finds a new one, and no object.
  void Forget() &&;

 private:
  ObjectLock(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace veneer
