// What must be known of a qcow2 image before a program of QEMU's opens it.
//
// An image may name other files (a backing file, a data file), any of this host's, and QEMU would
// read them with our rights. Images come from strangers: one that is not whole in itself is
// refused by its header alone.
//
// Big-endian, from QEMU's docs/interop/qcow2.txt:
//
//   0  "QFI\xfb"      4  version (2, 3)     8  u64 backing file's name: offset, 0 for none
//  16  its length    20  cluster bits      24  u64 size of the disk
//  32  encryption    72  u64 incompatible features (version 3): bit 0 dirty, 1 corrupt,
//                        2 external data file, 3 compression type, 4 extended L2 entries
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// So much of the file's beginning is looked at.
inline constexpr Bytes kQcow2Head{104};

struct Qcow2Facts {
  Bytes size;     // of the disk
  Bytes cluster;  // 512 bytes to 2 MiB
};

// kUsage, with what to do: it needs other files or a key. kCorrupt; kUnsupported: a later version.
// Pure and total.
Result<Qcow2Facts> JudgeQcow2Header(std::span<const std::byte> head);

// The second opinion, QEMU's own: what `qemu-img info --output=json` says of the image must agree.
// Pure and total.
Result<void> JudgeQcow2Info(std::string_view json, const Qcow2Facts& facts);

// The bytes of the disk that the image holds, from `qemu-img check --output=json`. kCorrupt where
// that found damage; all of the disk where it does not say.
Result<Bytes> JudgeQcow2Check(std::string_view json, const Qcow2Facts& facts);

}  // namespace veneer
