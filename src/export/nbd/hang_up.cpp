#include "export/nbd/hang_up.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <nbdkit-plugin.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <span>
#include <string_view>

#include "export/nbd/nbdkit_callbacks.h"

namespace veneer {
namespace {

// In 1.34 it does no longer: an assertion that fails there is something else.
constexpr bool kNbdkitAsserts = NBDKIT_VERSION_MAJOR == 1 && NBDKIT_VERSION_MINOR < 34;

struct Work {
  const std::function<void()>* gone = nullptr;  // null: nothing was asked of us in this thread yet
  bool in_our_code = false;
  bool aborts = false;
};
thread_local Work work;

// Whether the caller was called by assert(3).
bool AnAssertionFailed() {
  std::array<void*, 16> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  for (void* const frame : std::span(frames).first(static_cast<std::size_t>(count))) {
    Dl_info info{};
    // The call itself: what is called never returns, and what lies behind it is another function.
    const char* const call = static_cast<const char*>(frame) - 1;
    const bool named = ::dladdr(call, &info) != 0 && info.dli_sname != nullptr;
    if (named && std::string_view(info.dli_sname) == "__assert_fail") return true;
  }
  return false;
}

// In the thread that aborts. Nothing that it holds is needed by others.
void OnAbort(int /*signal*/) {
  if (work.aborts || work.in_our_code || !AnAssertionFailed()) {
    ::signal(SIGABRT, SIG_DFL);  // abort(3) raises it again
    return;
  }
  work.aborts = true;
  if (work.gone != nullptr) {
    (*work.gone)();
  } else {
    // It has answered only what nbdkit refuses by itself. In a thread of no connection this
    // asserts, and so comes back here.
    ForgetClient(static_cast<pid_t>(nbdkit_peer_pid()));
  }
  while (true) ::pause();
}

}  // namespace

InRequest::InRequest(const std::function<void()>& gone) {
  work = {.gone = &gone, .in_our_code = true};
}

InRequest::~InRequest() { work.in_our_code = false; }

void SurviveHangUps() {
  if (!kNbdkitAsserts) return;
  std::array<void*, 1> frames{};
  ::backtrace(frames.data(), 1);  // loads what it needs, which a signal handler must not
  ::signal(SIGABRT, OnAbort);
}

}  // namespace veneer
