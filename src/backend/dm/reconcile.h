// Reconcile: brings what is in the kernel in line with what is recorded (`veneer gc`).
//
//   device            record                   what happens
//   ours              attached                 adopted: left as it is
//   ours              cloning                  the command was killed: its users go on, adopted
//   ours              held                     adopted; its users go on if who holds them is dead
//   ours or gone      attaching or detaching   the command was killed: the disk is taken away
//   gone              attached, cloning, held  the record is removed
//   ours              none                     an orphan: removed, unless somebody has it open
//   a padded origin   no disk over it          removed
//
// Ours: its UUID names this instance. Whatever else is in the kernel is not even looked at. A
// record that a living command has locked is left alone; with one that it has locked itself,
// nothing counts as gone that the kernel was not asked for since.
#pragma once

#include "backend/dm/dm_backend.h"
#include "backend/gc.h"
#include "base/result.h"

namespace veneer {

// Blocks as long as the removals take, each up to the backend's patience. A removal that fails is
// reported in `kept` and does not stop the others.
Result<GcReport> Reconcile(DmBackend& backend, const DmPorts& ports, GcMode mode);

}  // namespace veneer
