// Waiting for something that the kernel does not announce.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace veneer {

// Asks `condition` until it holds or `limit` has passed; false in the latter case. Asks at least
// once, often at first and then every 20 ms. Blocks the calling thread.
template <class Condition>
bool WaitUntil(std::chrono::milliseconds limit, Condition condition) {
  constexpr std::chrono::milliseconds kLongestPause{20};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::chrono::milliseconds pause{1};
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  return true;
}

}  // namespace veneer
