// Result<T>: a value or an Error. Never thrown away by accident.
#pragma once

#include <expected>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace veneer {

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;

  // Drops a failure on purpose; `why` is for the reader.
  void Ignore([[maybe_unused]] std::string_view why) const {}
};

inline std::unexpected<Error> Fail(Error error) { return std::unexpected<Error>(std::move(error)); }

inline std::unexpected<Error> Fail(ErrorKind kind, std::string what, std::string hint = {}) {
  return std::unexpected<Error>(Error{kind, 0, std::move(what), std::move(hint)});
}

inline std::unexpected<Error> FailErrno(int os_errno, std::string_view step,
                                        std::string_view hint = {}) {
  return std::unexpected<Error>(ErrnoError(os_errno, step, hint));
}

}  // namespace veneer

// Yields the value of a Result, or returns its error from the enclosing function. Tries do not
// nest: name the inner value. (A GNU statement expression, which both of our compilers have.)
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define VENEER_TRY(expression)                                                 \
  __extension__({                                                              \
    auto veneer_tried = (expression);                                          \
    if (!veneer_tried) return ::veneer::Fail(std::move(veneer_tried).error()); \
    *std::move(veneer_tried);                                                  \
  })
