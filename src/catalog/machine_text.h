// What templates boot and what machines sandboxes have, as text in the catalog's columns: JSON, or
// nothing. Decoders are total: the file may be damaged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

// {"cmdline":…,"initrd":"sha256:…","kernel":"sha256:…"}; empty where there is none.
std::string EncodeBoot(const std::optional<BootRecord>& boot);
Result<std::optional<BootRecord>> DecodeBoot(std::string_view text);

// {"acceleration":…,"cpus":1,"memory":268435456,"network":…}; empty where there is none.
std::string EncodeMachineRecord(const std::optional<MachineRecord>& machine);
Result<std::optional<MachineRecord>> DecodeMachineRecord(std::string_view text);

}  // namespace veneer
