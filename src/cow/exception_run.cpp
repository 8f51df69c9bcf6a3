#include "cow/exception_run.h"

#include <algorithm>

namespace veneer {
namespace {

bool Continues(const ExceptionRun& run, OriginChunk origin, StoreChunk store) {
  return run.origin + run.count == origin && run.store + run.count == store;
}

}  // namespace

void AppendToRuns(std::vector<ExceptionRun>& runs, const Exception& exception) {
  if (!runs.empty() && Continues(runs.back(), exception.origin, exception.store)) {
    runs.back().count += Chunks(1);
  } else {
    runs.push_back({exception.origin, exception.store, Chunks(1)});
  }
}

void SortAndJoin(std::vector<ExceptionRun>& runs) {
  if (runs.empty()) return;
  std::ranges::sort(runs, {}, &ExceptionRun::origin);
  auto last = runs.begin();
  for (auto run = last + 1; run != runs.end(); ++run) {
    if (Continues(*last, run->origin, run->store)) {
      last->count += run->count;
    } else {
      *++last = *run;
    }
  }
  runs.erase(last + 1, runs.end());
}

}  // namespace veneer
