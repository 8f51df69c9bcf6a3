// ExecCommand: a command in a machine and who asked for it, between the thread that runs it and the
// one that talks to the client.
//
// What it says waits here for the client, 256 KiB at most: when that is full the command waits.
// Run is called once, by a thread that may block; all else by the other one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/host.h"
#include "vm/exec.h"

namespace veneer::api {

class ExecCommand {
 public:
  static constexpr std::size_t kMostWaiting = std::size_t{256} << 10U;

  // `input`: what its stdin is read from; invalid where it has none. `ring`: called by the thread
  // that runs it when there is news; it must not call back. It is called for the last time, and let
  // go, before Next says that it is over.
  ExecCommand(ExecRequest request, UniqueFd input, std::function<void()> ring);

  // Until it has ended. Throws nothing; how it ended is told by Next.
  void Run(const Host& host, const std::string& sandbox);

  struct News {
    enum class Kind : std::uint8_t { kNothing, kOutput, kOver } kind = Kind::kNothing;
    std::string message{};  // kOutput: the tag, and the bytes
  };
  News Next();

  // How it ended, once it is over.
  [[nodiscard]] const Result<ExecEnd>& end() const { return end_; }

  // It is to end, for this reason: what it still says is dropped. That is its end, too, unless all
  // was heard before.
  void End(Error why);
  void Signal(int number);

 private:
  Result<void> Hear(ExecStream stream, std::string_view text);
  Result<void> Check();
  std::optional<int> TakeSignal();

  ExecRequest request_;
  UniqueFd input_;
  std::function<void()> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;  // guarded by mutex_, as are the next
  std::size_t waiting_bytes_ = 0;
  std::optional<Error> unwanted_;
  std::deque<int> signals_;
  bool over_ = false;
  Result<ExecEnd> end_ = ExecEnd{};  // written before over_, read after it
};

}  // namespace veneer::api
