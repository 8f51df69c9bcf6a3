#include "app/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/size_text.h"

namespace veneer {
namespace {

constexpr std::size_t kCells = 24;
constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::chrono::milliseconds kRateFrom{300};  // before that a rate says nothing

std::string RenderSeconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string RenderProgress(std::string_view label, Bytes done, Bytes total,
                           std::chrono::milliseconds elapsed) {
  const double part =
      total == Bytes(0)
          ? 1.0
          : std::min(1.0, static_cast<double>(done.value()) / static_cast<double>(total.value()));
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(kCells));
  std::string line = fmt::format("{}  [{}{}] {:3.0f} %  {} of {}", label, std::string(filled, '#'),
                                 std::string(kCells - filled, '-'), part * 100, FormatSize(done),
                                 FormatSize(total));
  if (elapsed >= kRateFrom && done > Bytes(0)) {
    const double seconds = static_cast<double>(elapsed.count()) / 1000;
    const double rate = static_cast<double>(done.value()) / seconds;
    const double left = (static_cast<double>(total.value()) * (1 - part)) / rate;
    line += fmt::format("  {}/s  {} left", FormatSize(Bytes(static_cast<std::uint64_t>(rate))),
                        RenderSeconds(left));
  }
  return line;
}

std::string RenderDoing(std::string_view label, std::string_view what,
                        std::chrono::milliseconds elapsed) {
  return fmt::format("{}  {}  {}", label, what,
                     RenderSeconds(static_cast<double>(elapsed.count()) / 1000));
}

ProgressBar::ProgressBar(std::string label, Mode mode) : label_(std::move(label)), mode_(mode) {}

ProgressBar::~ProgressBar() {
  if (drawn_) (void)std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::Draw(const Line& line) {
  if (mode_ == Mode::kSilent) return;
  const Clock::time_point now = Clock::now();
  if (drawn_ && now - *drawn_ < kRedrawInterval) return;
  drawn_ = now;
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
  // \x1b[K: clear to the end of the line (ECMA-48), for a line shorter than the one before.
  (void)std::fputs(("\r" + line(elapsed) + "\x1b[K").c_str(), stderr);
}

void ProgressBar::Update(Bytes done, Bytes total) {
  Draw([&](auto elapsed) { return RenderProgress(label_, done, total, elapsed); });
}

void ProgressBar::Say(std::string_view what) {
  Draw([&](auto elapsed) { return RenderDoing(label_, what, elapsed); });
}

ProgressBar::Mode ProgressBar::ModeFor(const GlobalOptions& options) {
  const bool drawn = options.style == OutputStyle::kText && options.log_level == LogLevel::kOff &&
                     ::isatty(STDERR_FILENO) == 1;
  return drawn ? Mode::kDrawn : Mode::kSilent;
}

}  // namespace veneer
