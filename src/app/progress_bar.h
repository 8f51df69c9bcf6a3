// A progress bar on stderr for long work: bytes, percent, rate, time left.
//
// Silent where stderr is no terminal. One thread. Redraws at most ten times a second, and takes
// its line away at the end, so that what follows starts on a clean one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "app/global_options.h"
#include "base/units.h"

namespace veneer {

// "flatten  [######----]  60 %  120 MiB of 200 MiB  40 MiB/s  2 s left"; pure.
std::string RenderProgress(std::string_view label, Bytes done, Bytes total,
                           std::chrono::milliseconds elapsed);

// "build  downloading packages  12 s"; pure.
std::string RenderDoing(std::string_view label, std::string_view what,
                        std::chrono::milliseconds elapsed);

class ProgressBar {
 public:
  enum class Mode : std::uint8_t { kSilent, kDrawn };

  ProgressBar(std::string label, Mode mode);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  void Update(Bytes done, Bytes total);
  // In place of numbers: what is being done, where nobody knows how much there is of it.
  void Say(std::string_view what);

  // kDrawn for text where stderr is a terminal, and no log goes there.
  static Mode ModeFor(const GlobalOptions& options);

 private:
  using Clock = std::chrono::steady_clock;
  using Line = std::function<std::string(std::chrono::milliseconds elapsed)>;

  void Draw(const Line& line);

  std::string label_;
  Mode mode_;
  Clock::time_point begin_ = Clock::now();
  std::optional<Clock::time_point> drawn_;
};

}  // namespace veneer
