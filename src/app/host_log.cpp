#include "app/host_log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <exception>
#include <mutex>
#include <utility>

#include "kernel/linux/log_file.h"

namespace veneer {
namespace {

// %v is LogFields.
constexpr const char* kPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","pid":%P,"level":"%l",%v})";

spdlog::level::level_enum ForSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

// A reader of standard error that has gone must not end the command with SIGPIPE.
class Stderr {
 public:
  static void Append(std::string_view line) {
    sigset_t pipe;
    sigset_t before;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const bool failed = ::write(STDERR_FILENO, line.data(), line.size()) < 0;
    const timespec now{};
    if (failed) ::sigtimedwait(&pipe, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

// Hands whole lines on to what appends them.
template <class Target>
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineSink(Target target, LogLevel level) : target_(std::move(target)) {
    set_level(ForSpdlog(level));
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    target_.Append({line.data(), line.size()});
  }
  void flush_() override {}

  Target target_;
};

}  // namespace

HostLog::HostLog(const std::string& file, LogLevel to_stderr)
    : logger_(std::make_shared<spdlog::logger>(
          "veneer", spdlog::sinks_init_list{
                        std::make_shared<LineSink<LogFile>>(LogFile(file), LogLevel::kDebug),
                        std::make_shared<LineSink<Stderr>>(Stderr(), to_stderr)})) {
  logger_->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(kPattern, spdlog::pattern_time_type::utc, "\n"));
  logger_->set_level(spdlog::level::debug);
  logger_->set_error_handler([](const std::string&) {});
}

void HostLog::Write(const LogEvent& event) noexcept {
  try {
    logger_->log(ForSpdlog(event.level), spdlog::string_view_t(LogFields(event)));
  } catch (const std::exception&) {
    return;  // without memory there is no line; what is logged goes on
  }
}

}  // namespace veneer
