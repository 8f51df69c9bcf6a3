// What the catalog remembers: templates, sandboxes, and what somebody has begun to do.
//
// Plain values. Times are UTC; sizes are bytes; paths are not kept: where an object's files lie
// follows from its id (sandbox/layout.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "kernel/file_stamp.h"

namespace veneer {

// From when on a change outlives a power cut. (A killed process takes back neither.)
enum class Lasting : std::uint8_t {
  kAtOnce,
  kWithTheNext,  // change that lasts at once, whoever makes it, or with Catalog::Sync
};

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

enum class TemplateKind : std::uint8_t {
  kImage,     // imported or built
  kSnapshot,  // made from a sandbox
};

// What a template boots: digests of the files that lie beside its image.
struct BootRecord {
  std::string kernel{};   // "sha256:…"
  std::string initrd{};   // the same; empty where it has none
  std::string cmdline{};  // of the kernel

  bool operator==(const BootRecord&) const = default;
};

// The virtual machine of a sandbox that was booted.
struct MachineRecord {
  Bytes memory{};
  unsigned cpus = 1;
  std::string network{};       // "none", "user"
  std::string acceleration{};  // "kvm", "emulation": how it runs, or ran last

  bool operator==(const MachineRecord&) const = default;
};

struct TemplateRecord {
  std::string id{};    // "tp-" + 8 hex digits
  std::string name{};  // unique among templates
  TemplateKind kind = TemplateKind::kImage;
  FileStamp image{};                       // its size is the template's
  std::string digest{};                    // "sha256:" + 64 hex digits, of the image (cow/digest.h)
  std::optional<std::string> made_from{};  // kSnapshot: the sandbox's id
  Timestamp created_at{};
  std::optional<BootRecord> boot{};        // nothing: it is a disk and no machine
  std::optional<MachineRecord> machine{};  // kSnapshot: with its memory, to start from
};

enum class SandboxState : std::uint8_t {
  kCreating,
  kRunning,
  kPausing,
  kPaused,
  kResuming,
  kDestroying,
  kFailed,
};

// Each of them, in the order above.
inline constexpr SandboxState kSandboxStates[] = {
    SandboxState::kCreating, SandboxState::kRunning,  SandboxState::kPausing,
    SandboxState::kPaused,   SandboxState::kResuming, SandboxState::kDestroying,
    SandboxState::kFailed};

struct StepTiming {
  std::string step{};  // "attach"
  std::chrono::duration<double, std::milli> took{};

  bool operator==(const StepTiming&) const = default;
};

struct SandboxRecord {
  std::string id{};    // "sb-" + 8 hex digits
  std::string name{};  // unique among sandboxes; its id where none was given
  std::string template_id{};
  SandboxState state = SandboxState::kCreating;
  std::string reason{};               // why it is kFailed, or was paused by no command; else empty
  std::string backend{};              // "dm" or "user": how it is attached, or was last
  std::string export_way = "fuse";    // "fuse" or "nbd": how "user" shows its disk
  std::optional<std::string> path{};  // what a VMM opens; nothing while it is not attached
  Bytes size{};                       // of the disk
  std::string last_operation{};       // "create", "pause", …
  std::vector<StepTiming> timings{};  // of that operation, in order
  Timestamp created_at{};
  std::string boot_id{};  // of the host when it was created (HostBootId); may be empty
  std::optional<MachineRecord> machine{};  // nothing: it is a disk and no machine
  // What the verb that yields it could not do, though it succeeded; not kept.
  std::vector<std::string> warnings{};
};

// Something with several steps that was begun and is not a state of a sandbox: the making of a
// template. Whoever finds one whose object nobody works on undoes it.
struct IntentRecord {
  std::string id{};      // of what is being made: a template's
  std::string verb{};    // "import", "snapshot"
  std::string object{};  // what it is made from: a sandbox's id; may be empty
  Timestamp began_at{};
};

// As in JSON: "image", "snapshot"; "creating", "running", …
std::string_view KindName(TemplateKind kind);
std::string_view StateName(SandboxState state);

// The same backwards; nothing for any other text.
std::optional<TemplateKind> KindNamed(std::string_view name);
std::optional<SandboxState> StateNamed(std::string_view name);

}  // namespace veneer
