#include "library/clean_up.h"

#include "library/disk_host_parts.h"

namespace veneer {

Result<GcReport> CleanUpStale(DiskHost& host, GcMode mode) { return host.parts().clean_up(mode); }

}  // namespace veneer
