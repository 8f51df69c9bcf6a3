// The mount table: what /proc/PID/mountinfo says.
//
//   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//   id parent major:minor root mount-point options optional… - type source super-options
//
// Source: proc(5). Space, tab, newline and backslash in names are written as \ooo.
// Parsing is total: any text gives entries; a line that does not fit is left out. No system calls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veneer {

struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  dev_t device = 0;    // of the file system, as stat(2) gives it for what is in it
  std::string root;    // the part of the file system that is mounted; "/" for all of it
  std::string path;    // where
  std::string type;    // "ext4", "fuse.veneer"
  std::string source;  // "/dev/vda1", or what the file system calls itself
};

std::vector<MountEntry> ParseMountTable(std::string_view text);

// The mount that is seen at exactly this path: the topmost where several are stacked; null where
// there is none. `path` is absolute, without symbolic links.
const MountEntry* MountAt(std::span<const MountEntry> table, std::string_view path);

}  // namespace veneer
