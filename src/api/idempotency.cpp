#include "api/idempotency.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/sha256.h"
#include "catalog/object_lock.h"
#include "kernel/linux/new_file.h"
#include "kernel/linux/read_text.h"

namespace veneer::api {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestKey = 255;

Result<void> RequireKey(std::string_view key) {
  const bool fits = key.size() <= kLongestKey &&
                    std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (fits) return {};
  return Fail(ErrorKind::kUsage, "the Idempotency-Key is no key",
              "it has 1 to 255 bytes of printable ASCII, without spaces");
}

std::string Sha256Of(std::string_view text) {
  Sha256 sha;
  sha.Add(std::as_bytes(std::span(text)));
  return sha.Finish();
}

std::string FingerprintOf(const Request& request) {
  std::string text(MethodName(request.method));
  for (const std::string& segment : request.target.segments) text += "/" + segment;
  return Sha256Of(text + "\n" + request.body);
}

Result<void> WriteRecord(const std::string& path, const KeyRecord& record) {
  const std::string text = EncodeKeyRecord(record);
  NewFile file = VENEER_TRY(NewFile::Begin(path, Replace::kExisting));
  VENEER_TRY(file.file().WriteAt(ByteOffset(0), std::as_bytes(std::span(text))));
  return std::move(file).Publish();
}

// Nothing where that key is new.
Result<std::optional<KeyRecord>> ReadRecord(const std::string& path) {
  const auto text = ReadText(path);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return Fail(text.error());
  return VENEER_TRY(DecodeKeyRecord(*text));
}

Response Again(std::string answer) {
  Response response{.status = 201, .body = std::move(answer)};
  response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

}  // namespace

std::string IdempotencyKeys::PathOf(const std::string& name) const {
  return fmt::format("{}/{}.json", directory_, name);
}

std::optional<Response> IdempotencyKeys::Answered(const Request& request) const {
  if (request.idempotency_key.empty()) return std::nullopt;
  auto known = ReadRecord(PathOf(Sha256Of(request.idempotency_key)));
  const bool same = known && *known && (*known)->fingerprint == FingerprintOf(request);
  if (!same || !(*known)->answer) return std::nullopt;
  return Again(*std::move((*known)->answer));
}

Result<Response> IdempotencyKeys::Do(const Host& host, const Request& request,
                                     const Once& once) const {
  if (request.idempotency_key.empty()) return once.act(once.ids);
  VENEER_TRY(RequireKey(request.idempotency_key));
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make the directory {}", directory_));
  }
  const std::string name = Sha256Of(request.idempotency_key);
  const std::string fingerprint = FingerprintOf(request);
  auto lock = ObjectLock::TryTake(host.layout.locks(), "key-" + name, "request");
  if (!lock && lock.error().kind == ErrorKind::kConflict) {
    return Fail(ErrorKind::kConflict, "a request with this Idempotency-Key is at work",
                "wait, and send it again for its answer");
  }
  if (!lock) return Fail(lock.error());
  auto response = DoLocked(PathOf(name), fingerprint, once);
  std::move(*lock).Forget();
  return response;
}

Result<Response> IdempotencyKeys::DoLocked(const std::string& path, const std::string& fingerprint,
                                           const Once& once) const {
  auto known = VENEER_TRY(ReadRecord(path));
  if (known && known->fingerprint != fingerprint) {
    return Fail(ErrorKind::kUsage, "the Idempotency-Key was used for another request",
                "choose a new key for each request");
  }
  if (known && known->answer) return Again(*std::move(known->answer));
  KeyRecord record{.fingerprint = fingerprint, .ids = once.ids};
  std::optional<Response> found;
  if (known) {
    record.ids = known->ids;
    found = VENEER_TRY(once.find(record.ids));
  } else {
    VENEER_TRY(WriteRecord(path, record));
  }
  auto response = found ? Result<Response>(*std::move(found)) : once.act(record.ids);
  if (!response) {
    const auto made = once.find(record.ids);
    std::error_code error;  // one that stays behind is for the same request, and is done then
    if (made && !*made) fs::remove(path, error);
    return response;
  }
  record.answer = response->body;
  // It is done: that the answer could not be noted is found out by the next request, and mended.
  WriteRecord(path, record).Ignore("the ids tell as well");
  return response;
}

Result<void> IdempotencyKeys::Expire(std::chrono::seconds age) const {
  std::error_code error;
  const auto limit = fs::file_time_type::clock::now() - age;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    const auto written = fs::last_write_time(at->path(), gone);
    if (!gone && written < limit) fs::remove(at->path(), gone);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return FailErrno(error.value(), fmt::format("look into {}", directory_));
  }
  return {};
}

}  // namespace veneer::api
