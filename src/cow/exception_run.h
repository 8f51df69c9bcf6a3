// Chunks that follow each other both in the origin and in the store.
#pragma once

#include <vector>

#include "base/units.h"
#include "format/exception.h"

namespace veneer {

struct ExceptionRun {
  OriginChunk origin;
  StoreChunk store;
  Chunks count;

  bool operator==(const ExceptionRun&) const = default;
};

// Appends the exception, or lengthens the last run by it.
void AppendToRuns(std::vector<ExceptionRun>& runs, const Exception& exception);

// By origin chunk, with runs that continue each other made one.
void SortAndJoin(std::vector<ExceptionRun>& runs);

}  // namespace veneer
