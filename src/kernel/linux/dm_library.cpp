#include "kernel/linux/dm_library.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>

#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

std::mutex& LibraryMutex() {
  static std::mutex mutex;
  return mutex;
}

// Where the first error message of the call that is under way goes; guarded by the mutex. The
// library may also report something when the process ends: that goes nowhere.
std::string* first_message = nullptr;

__attribute__((format(printf, 5, 6))) void KeepFirstError(int level, const char* /*file*/,
                                                          int /*line*/, int /*errno_or_class*/,
                                                          const char* format, ...) {
  constexpr int kLevelMask = 7;
  constexpr int kError = 3;  // as syslog's; the less the worse
  if (first_message == nullptr || !first_message->empty() || (level & kLevelMask) > kError) return;
  std::array<char, 512> text{};
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  *first_message = text.data();
}

// The library for the calling thread alone, as long as this object is there.
class Library {
 public:
  Library(const DmFunctions& dm, std::string& message) : lock_(LibraryMutex()), dm_(dm) {
    first_message = &message;
    dm_.log_with_errno_init(KeepFirstError);
    dm_.set_name_mangling_mode(DM_STRING_MANGLING_NONE);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    // Its descriptor of the control node has no O_CLOEXEC: programs that we start would get it.
    dm_.lib_release();
    first_message = nullptr;
  }

 private:
  std::scoped_lock<std::mutex> lock_;
  const DmFunctions& dm_;
};

using Task = std::unique_ptr<dm_task, decltype(&::dm_task_destroy)>;

Task NewTask(const DmFunctions& dm, int type) { return {dm.task_create(type), dm.task_destroy}; }

// The answer that udev owes for one event: a semaphore of the host. No cookie where no udev runs.
struct UdevAnswer {
  std::uint32_t cookie = 0;
  std::uint32_t event = 0;  // what the kernel passes on
};

Result<UdevAnswer> ExpectUdev(const DmFunctions& dm) {
  std::string message;
  const Library library(dm, message);
  // Nobody is to probe a disk of ours, or to keep it open meanwhile.
  constexpr std::uint32_t kFlags = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                                   DM_UDEV_DISABLE_DISK_RULES_FLAG |
                                   DM_UDEV_DISABLE_OTHER_RULES_FLAG |
                                   DM_UDEV_DISABLE_LIBRARY_FALLBACK | DM_UDEV_PRIMARY_SOURCE_FLAG;
  UdevAnswer answer{.event = kFlags << unsigned{DM_UDEV_FLAGS_SHIFT}};
  if (dm.udev_get_sync_support() == 0) return answer;
  // The task never runs: setting a cookie is what has the library count the answer.
  const Task task = NewTask(dm, DM_DEVICE_RESUME);
  if (!task || dm.task_set_cookie(task.get(), &answer.cookie, 0) == 0) {
    return Fail(ErrorKind::kFailed, fmt::format("prepare udev's answer: {}", message),
                "semaphores that nobody needs: dmsetup udevcookies");
  }
  answer.event |= answer.cookie & ~unsigned{DM_UDEV_FLAGS_MASK};
  return answer;
}

void AnswerForUdev(const DmFunctions& dm, std::uint32_t cookie) {
  std::string message;
  const Library library(dm, message);
  dm.udev_complete(cookie);
}

std::unexpected<Error> Failed(const DmCall& call, int os_errno, const std::string& message) {
  if (os_errno == 0) {
    return Fail(ErrorKind::kFailed,
                fmt::format("{}: {}", call.step, message.empty() ? "no reason given" : message));
  }
  Error error =
      ErrnoError(os_errno, call.step, os_errno == EACCES || os_errno == EPERM ? "run as root" : "");
  // The library's message ends with the text of the errno.
  if (!message.empty()) error.what = fmt::format("{}: {}", call.step, message);
  return Fail(std::move(error));
}

// One look, without waiting, at whether udev is done; frees the cookie's semaphore if so.
bool IsUdevDone(const DmFunctions& dm, std::uint32_t cookie) {
  std::string message;
  const Library library(dm, message);
  int ready = 0;
  return dm.udev_wait_immediate(cookie, &ready) == 0 || ready != 0;
}

void WaitForUdev(const DmFunctions& dm, std::uint32_t cookie, std::chrono::milliseconds patience) {
  if (WaitUntil(patience, [&] { return IsUdevDone(dm, cookie); })) return;
  // Said in udev's place, so that the semaphore does not stay: a host has few of them.
  std::string message;
  const Library library(dm, message);
  dm.udev_complete(cookie);
  dm.udev_wait(cookie);
}

}  // namespace

Result<void> RunDm(const DmCall& call) {
  const DmFunctions& dm = *VENEER_TRY(LoadedDmFunctions());
  std::string message;
  const Library library(dm, message);
  const Task task = NewTask(dm, call.type);
  if (!task || dm.task_set_name(task.get(), call.name.c_str()) == 0 ||
      !call.prepare(dm, task.get())) {
    return Failed(call, 0, message);
  }
  if (dm.task_run(task.get()) == 0) return Failed(call, dm.task_get_errno(task.get()), message);
  call.read(dm, task.get());
  return {};
}

Result<DmChange> RunWithUdev(std::chrono::milliseconds udev_patience,
                             const std::function<Result<DmChange>(std::uint32_t)>& change) {
  const DmFunctions& dm = *VENEER_TRY(LoadedDmFunctions());
  const UdevAnswer answer = VENEER_TRY(ExpectUdev(dm));
  Result<DmChange> changed = change(answer.event);
  if (answer.cookie == 0) return changed;
  // Without an event nobody else will answer.
  if (!changed || !changed->event_sent) AnswerForUdev(dm, answer.cookie);
  WaitForUdev(dm, answer.cookie, udev_patience);
  return changed;
}

}  // namespace veneer
