// ResourceLimit: has this process meet a limit of the system, as long as the object is there.
#pragma once

#include <sys/resource.h>

namespace veneer::testing {

// Whether everything works in a process without a free descriptor. UBSan does not: it looks at the
// type of an object through a pipe, and takes each for a wrong one where it gets none.
#ifdef __clang__
inline constexpr bool kCanDoWithoutDescriptors = !__has_feature(undefined_behavior_sanitizer);
#else
inline constexpr bool kCanDoWithoutDescriptors = true;
#endif
inline constexpr const char* kNoDescriptorsNoUbsan = "UBSan itself needs a descriptor";

class ResourceLimit {
 public:
  // RLIMIT_NOFILE with 0: no file can be opened. RLIMIT_FSIZE: files end there.
  ResourceLimit(__rlimit_resource_t resource, rlim_t limit) : resource_(resource) {
    ::getrlimit(resource_, &before_);
    const rlimit lower{.rlim_cur = limit, .rlim_max = before_.rlim_max};
    ::setrlimit(resource_, &lower);
  }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;
  ~ResourceLimit() { ::setrlimit(resource_, &before_); }

 private:
  __rlimit_resource_t resource_;
  rlimit before_{};
};

}  // namespace veneer::testing
