// GuestInput: what the machine's ports have handed to the guest, and taken from it, by the marks of
// their queues.
//
// QEMU writes what comes over a port (bytes, and that somebody came or went) into the guest's
// memory also while the machine stands still. So it does with what a slow reader takes at last: the
// buffers go back to the guest. A state and a memory go together only where nothing
// came between them: the marks before and after tell. Source: virtio 1.1, 2.6 "Split Virtqueues".
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "vm/qemu/qmp.h"

namespace veneer {

// Of a queue, either way.
struct InputMark {
  std::uint64_t ring = 0;   // where its used ring is in the guest's memory; 0: it has none yet
  std::uint16_t count = 0;  // of buffers that were used up, modulo 2^16

  bool operator==(const InputMark&) const = default;
};
using InputMarks = std::vector<InputMark>;

// From QEMU's answer to x-query-virtio-queue-status. Total; kCorrupt.
Result<InputMark> DecodeInputMark(const nlohmann::json& answer);

// Those of all ports now. Blocks as Qmp does.
Result<InputMarks> MarkInput(Qmp& qmp);

// The same once nothing moves any more: a guest that stands still takes what it has room for.
// kConflict: it does not get still.
Result<InputMarks> SettledInput(Qmp& qmp);

// Where a place in the guest's memory is in its file (machine type "pc": behind a gap below 4 GiB
// for large ones). Nothing where there is none.
std::optional<std::uint64_t> PlaceInMemory(std::uint64_t address, Bytes memory);

// Whether the memory in that file still has these marks. The machine's process must stand still.
Result<bool> HasMarks(const std::string& memory_file, const InputMarks& marks);

}  // namespace veneer
