// Each verb that changes a sandbox, on one that is made for it, for tests that disturb it at a
// step: afterwards it has either not begun or is done.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {

struct VerbCase {
  const char* verb;
  bool paused = false;         // what it begins with
  bool names_backend = false;  // it takes --backend
  std::vector<std::string> command;
};
void PrintTo(const VerbCase& each, std::ostream* out);
std::string NameOfVerb(const ::testing::TestParamInfo<VerbCase>& instance);
std::vector<VerbCase> EachVerb();

class VerbTest : public SandboxesTest, public ::testing::WithParamInterface<VerbCase> {
 protected:
  // The words that do it.
  [[nodiscard]] std::vector<std::string> Verb() const;

  // The sandbox "web" with a flushed block, in the state that the verb begins in.
  void Prepare() const;
  void CleanUp() const;

  // After `veneer recover`.
  void ExpectNotBegunOrDone();
};

}  // namespace veneer::lifecycle
