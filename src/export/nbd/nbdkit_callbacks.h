// The callbacks with which nbdkit asks a plugin for a disk.
//
//   $ nbdkit veneer store=sandbox.cow origin=debian.img
//
// nbdkit speaks the protocol and brings the threads; NbdDisk answers. Its interface is C, with one
// plugin in a process, and so there is one disk in a process: the one thing global here.
// Links inside nbdkit only, which has the functions that this calls.
#pragma once

#include <cstdint>
#include <string>

#include "export/nbd/nbd_clients.h"
#include "export/nbd/nbd_disk.h"

struct nbdkit_plugin;  // NOLINT(readability-identifier-naming): nbdkit's name

namespace veneer {

// Whether zeroing is known to be cheaper than writing (NBD_CMD_FLAG_FAST_ZERO).
enum class FastZero : std::uint8_t { kYes, kNo };

struct NbdkitDisk {
  explicit NbdkitDisk(CowDisk& cow_disk) : disk(cow_disk) {}

  NbdDisk disk;
  NbdClients clients{};
  FastZero fast_zero = FastZero::kNo;
  std::string description{};  // for people, in a list of exports
};

// Sets what nbdkit calls about connections and requests; the life of the plugin is its owner's.
void SetRequestCallbacks(nbdkit_plugin& plugin);

// The disk that is served from now on; null: none, who connects is turned away. It outlives every
// connection.
void ServeThroughNbdkit(NbdkitDisk* disk);

// One connection of this process will never be closed.
void ForgetClient(pid_t process);

}  // namespace veneer
