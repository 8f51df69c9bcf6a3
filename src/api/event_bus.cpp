#include "api/event_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace veneer::api {
namespace {

// The number in an id of this beginning.
std::optional<std::uint64_t> NumberIn(std::string_view id, std::string_view beginning) {
  if (!id.starts_with(beginning)) return std::nullopt;
  id.remove_prefix(beginning.size());
  if (!id.starts_with('-')) return std::nullopt;
  id.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

}  // namespace

void EventBus::Publish(std::string type, std::string data) {
  const std::lock_guard lock(mutex_);
  ++last_;
  kept_.push_back({.id = fmt::format("{}-{}", beginning_, last_),
                   .type = std::move(type),
                   .data = std::move(data)});
  if (kept_.size() > kKept) kept_.pop_front();
  for (const auto& [key, wake] : wakes_) wake();
}

EventBus::Subscription::Subscription(EventBus& bus, std::string_view last,
                                     std::function<void()> wake)
    : bus_(bus) {
  const std::lock_guard lock(bus_.mutex_);
  key_ = ++bus_.keys_;
  heard_ = bus_.last_;
  if (!last.empty()) {
    const auto number = NumberIn(last, bus_.beginning_);
    const bool known = number && *number <= bus_.last_;
    heard_ = known ? *number : 0;
    missed_ = !known;
  }
  bus_.wakes_.emplace(key_, std::move(wake));
}

EventBus::Subscription::~Subscription() {
  const std::lock_guard lock(bus_.mutex_);
  bus_.wakes_.erase(key_);
}

std::vector<Event> EventBus::Subscription::Take() {
  const std::lock_guard lock(bus_.mutex_);
  const std::uint64_t waiting = bus_.last_ - heard_;
  const std::uint64_t kept = std::min<std::uint64_t>(waiting, bus_.kept_.size());
  std::vector<Event> events;
  // With the id before the first that follows: who goes on behind it misses no more.
  if (missed_ || kept < waiting) {
    events.push_back({.id = fmt::format("{}-{}", bus_.beginning_, bus_.last_ - kept),
                      .type = "missed",
                      .data = "{}"});
  }
  events.insert(events.end(), bus_.kept_.end() - static_cast<std::ptrdiff_t>(kept),
                bus_.kept_.end());
  heard_ = bus_.last_;
  missed_ = false;
  return events;
}

}  // namespace veneer::api
