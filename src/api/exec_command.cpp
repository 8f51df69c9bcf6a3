#include "api/exec_command.h"

#include <exception>
#include <utility>

#include "api/exec_body.h"
#include "sandbox/machine.h"

namespace veneer::api {
namespace {

constexpr std::size_t kLongestMessage = std::size_t{64} << 10U;
// A client that sends more of them at once means no good.
constexpr std::size_t kMostSignals = 64;

Result<ExecEnd> RunIn(const Host& host, const std::string& sandbox, const ExecRequest& request) {
  try {
    const SandboxRecord record = VENEER_TRY(SandboxThatRuns(host.catalog, sandbox));
    return host.vmm.Exec(record.id, request);
  } catch (const std::exception& exception) {
    // Only what no code expects: out of memory, a defect in a library.
    return Fail(ErrorKind::kFailed, exception.what());
  }
}

}  // namespace

ExecCommand::ExecCommand(ExecRequest request, UniqueFd input, std::function<void()> ring)
    : request_(std::move(request)), input_(std::move(input)), ring_(std::move(ring)) {
  if (input_.valid()) request_.input = input_.get();
  request_.output = [this](ExecStream stream, std::string_view text) { return Hear(stream, text); };
  request_.check = [this] { return Check(); };
  request_.signal = [this] { return TakeSignal(); };
}

void ExecCommand::Run(const Host& host, const std::string& sandbox) {
  auto end = RunIn(host, sandbox, request_);
  {
    const std::lock_guard lock(mutex_);
    const bool cut = end && unwanted_;
    end_ = cut ? Fail(*unwanted_) : std::move(end);
    over_ = true;
    input_.Close();
    // Whoever sees that it is over may end what is rung.
    const auto last = std::exchange(ring_, nullptr);
    last();
  }
}

Result<void> ExecCommand::Hear(ExecStream stream, std::string_view text) {
  const char tag = stream == ExecStream::kOutput ? kOutputTag : kErrorsTag;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return unwanted_ || waiting_bytes_ < kMostWaiting; });
    if (unwanted_) return Fail(*unwanted_);
    const bool joins = !waiting_.empty() && waiting_.back().front() == tag &&
                       waiting_.back().size() + text.size() <= kLongestMessage;
    if (!joins) waiting_.emplace_back(1, tag);
    waiting_.back() += text;
    waiting_bytes_ += text.size();
  }
  ring_();
  return {};
}

Result<void> ExecCommand::Check() {
  const std::lock_guard lock(mutex_);
  return unwanted_ ? Fail(*unwanted_) : Result<void>();
}

std::optional<int> ExecCommand::TakeSignal() {
  const std::lock_guard lock(mutex_);
  if (signals_.empty()) return std::nullopt;
  const int number = signals_.front();
  signals_.pop_front();
  return number;
}

ExecCommand::News ExecCommand::Next() {
  News news;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return {.kind = over_ ? News::Kind::kOver : News::Kind::kNothing};
    news = {.kind = News::Kind::kOutput, .message = std::move(waiting_.front())};
    waiting_.pop_front();
    waiting_bytes_ -= news.message.size() - 1;
  }
  changed_.notify_one();
  return news;
}

void ExecCommand::End(Error why) {
  {
    const std::lock_guard lock(mutex_);
    if (!unwanted_) unwanted_ = std::move(why);
    // Who has heard only a part is not told that all went well.
    if (over_ && end_ && !waiting_.empty()) end_ = Fail(*unwanted_);
    waiting_.clear();
    waiting_bytes_ = 0;
  }
  changed_.notify_one();
}

void ExecCommand::Signal(int number) {
  const std::lock_guard lock(mutex_);
  if (signals_.size() < kMostSignals) signals_.push_back(number);
}

}  // namespace veneer::api
