#include "vm/exec.h"

namespace veneer {

int ShellStatus(const ExecEnd& end) {
  constexpr int kTimedOut = 124;
  constexpr int kSignalBase = 128;
  switch (end.outcome) {
    case ExecOutcome::kExited:
      return end.number;
    case ExecOutcome::kSignalled:
      return kSignalBase + end.number;
    case ExecOutcome::kTimedOut:
      return kTimedOut;
  }
  return 1;
}

}  // namespace veneer
