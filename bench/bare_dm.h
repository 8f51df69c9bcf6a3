// The kernel's floor: a snapshot made and removed with the ioctls that it takes, and no more.
//
// What the library does beside them is left out: no look through the store, no lock, no record, no
// node, no write-back. Nobody should keep data this way.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace veneer::bench {

// Makes and removes `count` snapshots, one after the other, over directory/template.img, whose loop
// device must be there. Their stores are sparse files that are made before. Appends "create remove"
// in milliseconds to `times`, a line for each; one before them is not counted.
Result<void> TimeBareIoctls(const std::string& directory, std::size_t count,
                            const std::string& times);

}  // namespace veneer::bench
