#include "catalog/records.h"

#include <utility>

namespace veneer {
namespace {

constexpr std::pair<TemplateKind, std::string_view> kKinds[] = {
    {TemplateKind::kImage, "image"}, {TemplateKind::kSnapshot, "snapshot"}};

constexpr std::pair<SandboxState, std::string_view> kStates[] = {
    {SandboxState::kCreating, "creating"}, {SandboxState::kRunning, "running"},
    {SandboxState::kPausing, "pausing"},   {SandboxState::kPaused, "paused"},
    {SandboxState::kResuming, "resuming"}, {SandboxState::kDestroying, "destroying"},
    {SandboxState::kFailed, "failed"}};

template <class Table, class Value>
std::string_view NameIn(const Table& table, Value wanted) {
  for (const auto& [value, name] : table) {
    if (value == wanted) return name;
  }
  return "";
}

template <class Value, class Table>
std::optional<Value> ValueIn(const Table& table, std::string_view wanted) {
  for (const auto& [value, name] : table) {
    if (name == wanted) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view KindName(TemplateKind kind) { return NameIn(kKinds, kind); }

std::string_view StateName(SandboxState state) { return NameIn(kStates, state); }

std::optional<TemplateKind> KindNamed(std::string_view name) {
  return ValueIn<TemplateKind>(kKinds, name);
}

std::optional<SandboxState> StateNamed(std::string_view name) {
  return ValueIn<SandboxState>(kStates, name);
}

}  // namespace veneer
