// The ways to attach a disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace veneer {

enum class BackendKind : std::uint8_t {
  kUser,  // Veneer's engine in user space, shown as a file through FUSE
  kDm,    // the kernel's device-mapper snapshots
};

// "user", "dm"; as in JSON.
std::string_view BackendName(BackendKind kind);

}  // namespace veneer
