// The timings of a sandbox as the catalog keeps them: one text beside the record, so that a list of
// all sandboxes is one query.
//
//   [{"step":"attach","ms":1.25},{"step":"boot","ms":140.5}]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

// A time that is no number becomes 0; what is not UTF-8 in a step's name is replaced.
std::string EncodeTimings(const std::vector<StepTiming>& timings);

// Total: kCorrupt for any text that EncodeTimings does not make.
Result<std::vector<StepTiming>> DecodeTimings(std::string_view text);

}  // namespace veneer
