// Has the kernel activate an empty store, which is much faster for it than to load one.
//
// To load a store that is active the kernel reads its list through a cache that it makes and takes
// down again, which on Linux 6.12 waits for all of RCU: some 20 ms. A store without a magic it
// activates by writing header and first area, and in doing so wipes the record of sizes. So, around
// its load: LeaveToKernel takes the magic away, RestoreRecord puts the record back.
//
// A cut after the first leaves an empty store that says to us and to the kernel all it said before.
// A cut after the load and before the second leaves an empty store without a record: one for a disk
// as large as its image. So this is not for others.
//
// Blocks on the file. The caller has the store's lock.
#pragma once

#include "base/result.h"
#include "format/header.h"
#include "kernel/file.h"

namespace veneer {

// `header`: that of the store, which is active, empty, and records one size for disk and image.
Result<void> LeaveToKernel(File& store, const StoreHeader& header);

// Makes the header what it was, whether the kernel has activated the store or not: what the kernel
// writes there is the same but for the record. Not for a store that the kernel has invalidated.
Result<void> RestoreRecord(File& store, const StoreHeader& header);

}  // namespace veneer
