#include "sandbox/transitions.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>

namespace veneer {
namespace {

struct Transition {
  Verb verb;
  SandboxState from;
  SandboxState through;
};

constexpr std::array kTransitions{
    Transition{Verb::kPause, SandboxState::kRunning, SandboxState::kPausing},
    Transition{Verb::kResume, SandboxState::kPaused, SandboxState::kResuming},
    Transition{Verb::kDestroy, SandboxState::kRunning, SandboxState::kDestroying},
    Transition{Verb::kDestroy, SandboxState::kPaused, SandboxState::kDestroying},
    Transition{Verb::kDestroy, SandboxState::kFailed, SandboxState::kDestroying},
    Transition{Verb::kFork, SandboxState::kRunning, SandboxState::kRunning},
    Transition{Verb::kFork, SandboxState::kPaused, SandboxState::kPaused},
    Transition{Verb::kSnapshot, SandboxState::kRunning, SandboxState::kRunning},
    Transition{Verb::kSnapshot, SandboxState::kPaused, SandboxState::kPaused},
};

std::string HintFor(const SandboxRecord& sandbox) {
  switch (sandbox.state) {
    case SandboxState::kRunning:
      return "it runs already: there is nothing to do";
    case SandboxState::kPaused:
      return "it is paused already: there is nothing to do";
    case SandboxState::kFailed:
      return fmt::format(
          "it failed: {}; 'veneer recover' tries again, 'veneer destroy' gives it up",
          sandbox.reason);
    default:
      return "wait until that is done; 'veneer recover' ends what a killed command left";
  }
}

}  // namespace

std::string_view VerbName(Verb verb) {
  switch (verb) {
    case Verb::kPause:
      return "pause";
    case Verb::kResume:
      return "resume";
    case Verb::kDestroy:
      return "destroy";
    case Verb::kFork:
      return "fork";
    case Verb::kSnapshot:
      return "snapshot";
  }
  return "";
}

Result<SandboxState> Begin(Verb verb, const SandboxRecord& sandbox) {
  for (const Transition& each : kTransitions) {
    if (each.verb == verb && each.from == sandbox.state) return each.through;
  }
  return Fail(
      ErrorKind::kConflict,
      fmt::format("cannot {} {}: it is {}", VerbName(verb), sandbox.id, StateName(sandbox.state)),
      HintFor(sandbox));
}

}  // namespace veneer
