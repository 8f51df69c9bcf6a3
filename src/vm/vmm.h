// Vmm: the port to virtual machines, one for each sandbox that was booted.
//
// A virtual machine is a process of its own: it outlives whoever started it, and what runs is found
// under the run directory; the object itself remembers nothing. vm/qemu does it, vm/testing has a
// working model. Any thread, any process; who may change a machine, and when, is decided by those
// who hold its sandbox's lock. Exec, Status and Console need no lock.
//
// The guest is hostile: whatever it sends or does not send, every verb ends in a bounded time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "vm/exec.h"

namespace veneer {

enum class VmNetwork : std::uint8_t {
  kNone,
  kUser,  // outbound only, by the process itself: needs no privileges, is reachable from nowhere
};

enum class VmAcceleration : std::uint8_t { kKvm, kEmulation };

// "none", "user"; "kvm", "emulation". As in JSON.
std::string_view NetworkName(VmNetwork network);
std::string_view AccelerationName(VmAcceleration acceleration);
std::optional<VmNetwork> NetworkNamed(std::string_view name);
std::optional<VmAcceleration> AccelerationNamed(std::string_view name);

// How the guest's memory and its file go together.
enum class VmMemory : std::uint8_t {
  kOwn,     // the file is the memory: what the guest writes is in it. Made where it is missing
  kShared,  // the file never changes, and many may start from it; what the guest writes is private
};

// What a machine must have of its own.
struct VmIdentity {
  std::string host_name;
  std::string machine_id;  // 32 hex digits
  std::string seed;        // hex: for the kernel's random numbers
};

struct VmSpec {
  std::string id;    // of its sandbox: [a-z0-9-]
  std::string disk;  // the path that the backend gave
  std::string kernel;
  std::string initrd{};  // none where empty
  std::string cmdline{};
  std::string memory_file;
  VmMemory memory_use = VmMemory::kOwn;
  Bytes memory = MiB(256);
  unsigned cpus = 1;
  VmNetwork network = VmNetwork::kNone;
  // What a saved state needs; else the best that this host has.
  std::optional<VmAcceleration> acceleration{};
  // Given to it before anybody else is let in; one that goes on as itself gets none.
  std::optional<VmIdentity> identity{};
};

// A step of a verb, and how long it took.
struct VmStep {
  std::string name;
  std::chrono::duration<double, std::milli> took{};
};

struct VmReport {
  VmAcceleration acceleration = VmAcceleration::kEmulation;
  std::vector<VmStep> steps{};
  std::vector<std::string> warnings{};  // what it goes on without
};

struct SaveReport {
  std::vector<VmStep> steps{};
  std::vector<std::string> warnings{};  // of a machine that goes on
};

// What a saved state has in it.
enum class SavedMemory : std::uint8_t {
  kInFile,   // the devices alone: it goes with the memory's file as it was at that moment
  kInState,  // the memory, too
};

struct SaveRequest {
  std::string state;  // the new file, durable when the verb is done; it has its name last of all
  SavedMemory memory = SavedMemory::kInFile;
  std::string memory_file{};  // kInFile: made durable before the state has its name
  // kInFile, and it goes on: makes a copy of the memory of that moment; called again, to make it
  // anew, where something reached the memory meanwhile.
  std::function<Result<void>()> copy_memory{};
  enum class Then : std::uint8_t { kEnd, kGoOn } then = Then::kEnd;
  // Called while the guest stands still and everything else is saved; where it fails the machine
  // goes on. May be empty.
  std::function<Result<void>()> while_still{};
};

enum class VmPresence : std::uint8_t {
  kNone,
  kRunning,
  kEnded,  // by itself; what is left of it is taken away by Stop
};

struct VmStatus {
  VmPresence presence = VmPresence::kNone;
  VmAcceleration acceleration = VmAcceleration::kEmulation;
  pid_t process = 0;     // kRunning
  std::string reason{};  // kEnded: how
};

// A piece of the console, and where the next one begins.
struct ConsoleText {
  std::string text{};
  std::uint64_t next = 0;
};

class Vmm {
 public:
  Vmm() = default;
  Vmm(const Vmm&) = delete;
  Vmm& operator=(const Vmm&) = delete;
  virtual ~Vmm() = default;

  // Boots, and returns when commands can be run in it and its clock is right. On failure nothing is
  // left of it that can be ended (Stop tells), and the error tells the end of its console.
  // kConflict: it runs already; kUnsupported: no QEMU here.
  virtual Result<VmReport> Start(const VmSpec& spec) = 0;

  // Goes on from a saved state, with the same spec but for disk and memory file. The guest's clock
  // is set. `before_running` is called when all is loaded and nothing has run yet. On failure
  // as Start. kCorrupt: the state does not fit.
  virtual Result<VmReport> Restore(const VmSpec& spec, const std::string& state, SavedMemory memory,
                                   const std::function<Result<void>()>& before_running) = 0;

  // Freezes the guest's file systems where it answers, stops it and saves it. What comes over its
  // ports meanwhile is in both, state and memory, or in none. Where it fails it runs on, and no
  // state is there. Where not even that can be, it stands still (GoOn), or was saved and is yet to
  // be ended (Stop): in this case alone its state is there, and whole, for nothing has run since.
  // kNotFound: there is no machine.
  virtual Result<SaveReport> Save(const std::string& id, const SaveRequest& request) = 0;

  // Has one go on that a Save which failed or was cut short left standing still, or with frozen
  // file systems; for whoever knows that none is under way, and has removed its state. Nothing
  // happens to one that runs, or has ended. Yields what it goes on without: a guest need not thaw
  // what it froze.
  virtual Result<std::vector<std::string>> GoOn(const std::string& id) = 0;

  // Moves the memory out of a state that has it (kInState) into spec.memory_file, which is not
  // there yet, and replaces the state by one that goes with that file: many can start from it
  // (kShared). The guest does not run meanwhile; spec.disk is not looked at. Both files are durable
  // when the verb is done. On failure the state is as it was, and no file and no machine is left.
  // kCorrupt: the state does not fit.
  virtual Result<std::vector<VmStep>> MoveMemoryOut(const VmSpec& spec,
                                                    const std::string& state) = 0;

  // Runs a command in the guest, from its start to its end. Many at once may. kNotFound: there is
  // no machine, or no such program, directory or user in it; kConflict: too many commands.
  virtual Result<ExecEnd> Exec(const std::string& id, const ExecRequest& request) = 0;

  // Ends it as pulling the plug would, and takes away what is left of one that ended. Nothing
  // happens where there is none.
  virtual Result<void> Stop(const std::string& id) = 0;

  [[nodiscard]] virtual Result<VmStatus> Status(const std::string& id) = 0;

  // What the console said from `from` on, counted in bytes since the machine's start; what is too
  // old to be kept is passed over. Empty text: nothing new. kNotFound: there is no machine.
  [[nodiscard]] virtual Result<ConsoleText> Console(const std::string& id, std::uint64_t from) = 0;
};

}  // namespace veneer
