// Holders: the port that tells who keeps a file or a block device in use.
//
// For messages, and for looking before something is taken away. Best effort: another user's
// processes cannot be looked into without being root, and what is found may be gone a moment
// later. The calling process never counts. Verbs read /proc and /sys, without asking any file
// system for anything: a FUSE server may look at its own mount. Any thread.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "kernel/linux/linux_file.h"

namespace veneer {

// One of them, for people: "held by pid 812 (fio)", "mounted at /mnt", "behind /dev/loop4".
struct Holder {
  std::string text;
  std::string device{};  // "/dev/loop4", where that is what holds it
};

class Holders {
 public:
  Holders() = default;
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;
  virtual ~Holders() = default;

  // Open descriptors, mappings, and loop devices.
  [[nodiscard]] virtual std::vector<Holder> OfFile(const FileIdentity& file,
                                                   const std::string& path) const = 0;

  // Open descriptors, mappings, mounts (in every mount namespace), devices on top, swap areas.
  [[nodiscard]] virtual std::vector<Holder> OfBlockDevice(const std::string& path,
                                                          dev_t device) const = 0;
};

// "held by pid 812 (fio), mounted at /mnt and 2 more"; "in use" where nobody was found.
std::string DescribeHolders(std::span<const Holder> holders);

}  // namespace veneer
