// The command line itself.
#include "lifecycle/asked.h"
#include "support/process.h"

namespace veneer::lifecycle {

std::string AskedProgram() { return support::Program(); }

std::shared_ptr<void> BeginAsking(const std::string& /*root*/, const std::string& /*run*/,
                                  const std::string& /*home*/) {
  return nullptr;
}

}  // namespace veneer::lifecycle
