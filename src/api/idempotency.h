// Idempotency keys: a request that is sent again, because its answer was lost, is not done again.
//
// A request with a key notes durably, before it begins, which ids its objects are to have; at its
// end, what it answered. Sent again it is
//   answered as before         where it had ended
//   refused (kConflict)        while it is at work
//   looked up by those ids     where the daemon died at it: what is there was made by it; else it
//   is
//                              done now, with these ids (what was half-done Recover has removed)
// A request that failed and has made nothing has freed its key. Where something is there all the
// same, or that cannot be told, it is looked up when the request comes again. ADR 20 tells why
// these are files. Keys are forgotten a day after their end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/key_record.h"
#include "api/message.h"
#include "base/result.h"
#include "sandbox/host.h"

namespace veneer::api {

class IdempotencyKeys {
 public:
  static constexpr std::chrono::hours kLast{24};

  // `directory`: of the files, made where it is missing.
  explicit IdempotencyKeys(std::string directory) : directory_(std::move(directory)) {}

  struct Once {
    std::vector<std::string> ids;  // for what it makes
    // Does it, with these ids.
    std::function<Result<Response>(const std::vector<std::string>& ids)> act;
    // The answer where all of them exist; nothing where one does not, and nothing is half-made.
    std::function<Result<std::optional<Response>>(const std::vector<std::string>& ids)> find;
  };

  // Does it once for all requests with this key; without a key, at once. kUsage: the key was used
  // for another request, or is none (1 to 255 bytes of printable ASCII). Blocks as `act` does.
  Result<Response> Do(const Host& host, const Request& request, const Once& once) const;

  // What a request with this key was answered that was this very one; nothing where there was none,
  // or it has not ended. Only looks.
  [[nodiscard]] std::optional<Response> Answered(const Request& request) const;

  // Forgets the keys whose files are older. Blocks on the directory.
  Result<void> Expire(std::chrono::seconds age) const;

 private:
  Result<Response> DoLocked(const std::string& path, const std::string& fingerprint,
                            const Once& once) const;

  [[nodiscard]] std::string PathOf(const std::string& name) const;

  std::string directory_;
};

}  // namespace veneer::api
