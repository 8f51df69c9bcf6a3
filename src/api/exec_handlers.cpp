#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "api/exec_body.h"
#include "api/handlers.h"
#include "api/problem.h"
#include "api/render.h"
#include "base/unique_fd.h"
#include "sandbox/exec_json.h"
#include "sandbox/machine.h"

namespace veneer::api {
namespace {

// A file in memory, to be read from its beginning.
Result<UniqueFd> FileOf(std::string_view text) {
  UniqueFd fd(::memfd_create("stdin", MFD_CLOEXEC));
  if (!fd.valid()) return FailErrno(errno, "make a file in memory");
  while (!text.empty()) {
    const ssize_t n = ::write(fd.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return FailErrno(errno, "write a file in memory");
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "go back in a file in memory");
  return fd;
}

}  // namespace

Result<Response> ExecInSandbox(const Call& call) {
  const Host& host = call.service.host();
  ExecBody body = VENEER_TRY(DecodeExec(call.request.body));
  const SandboxRecord record = VENEER_TRY(SandboxThatRuns(host.catalog, call.object));
  UniqueFd input;
  if (!body.input.empty()) input = VENEER_TRY(FileOf(body.input));
  if (input.valid()) body.request.input = input.get();
  std::string output;
  std::string errors;
  body.request.output = [&](ExecStream stream, std::string_view text) -> Result<void> {
    (stream == ExecStream::kOutput ? output : errors) += text;
    return {};
  };
  body.request.check = call.request.wanted;
  const ExecEnd end = VENEER_TRY(host.vmm.Exec(record.id, body.request));
  nlohmann::ordered_json json = ExecEndJson(end);
  json["stdout"] = OutputJson(output);
  json["stderr"] = OutputJson(errors);
  return JsonResponse(200, json);
}

Result<Response> NoStream(const Call& /*call*/) { return UpgradeRequired(); }

}  // namespace veneer::api
