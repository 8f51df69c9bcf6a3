// What clients send, behind the HTTP parser: targets, bodies, addresses, the file of a key. Each
// decoder takes any bytes, and what it accepts keeps its promises.
//
// The first byte of the input picks the decoder.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/bodies.h"
#include "api/exec_body.h"
#include "api/front.h"
#include "api/key_record.h"
#include "api/listener.h"
#include "api/paging.h"

namespace veneer::api {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Targets(std::string_view text) {
  const auto target = DecodeTarget(text);
  if (!target) {
    Require(target.error().kind == ErrorKind::kUsage);
    return;
  }
  for (const std::string& segment : target->segments) {
    Require(!segment.empty() && segment != "." && segment != ".." &&
            segment.find_first_of(std::string_view("/\0", 2)) == std::string::npos);
  }
  if (const auto paging = PagingIn(*target)) Require(paging->limit >= 1 && paging->limit <= 1000);
}

// Without a handler: whatever it is, it is admitted or refused.
void Heads(std::string_view text) {
  const std::size_t cut = text.find('\n');
  const Head head{.method = std::string(text.substr(0, cut)),
                  .target = std::string(text.substr(cut == std::string_view::npos ? 0 : cut + 1)),
                  .credentials = {.hosts = {"localhost"}}};
  const auto judged = Admit({}, head);
  if (const auto* refusal = std::get_if<Response>(&judged)) {
    Require(refusal->status >= 400 && refusal->status < 600 && !refusal->body.empty());
  } else {
    Require(std::get<Admitted>(judged).route != nullptr);
  }
}

void Bodies(std::string_view text) {
  DecodeResume(text).Ignore("an error is an answer");
  DecodeNothing(text).Ignore("an error is an answer");
  if (const auto count = DecodeFork(text)) Require(*count >= 1 && *count <= 1000);
  if (const auto create = DecodeCreate(text)) {
    Require(create->template_reference.find('\0') == std::string::npos);
    Require(!create->size || *create->size > Bytes(0));
  }
  if (const auto name = DecodeSnapshot(text)) Require(name->size() <= 255);
  if (const auto import = DecodeImport(text)) {
    Require(import->file.find('/') == std::string::npos && import->file != "..");
  }
}

// Of a command: an answer's body, a stream's messages and subprotocols.
void Messages(std::string_view text) {
  if (const auto exec = DecodeExec(text)) {
    Require(!exec->request.argv.empty() && *exec->request.output_limit <= kMostExecOutput);
    Require(exec->input.find('\0') == std::string::npos);
  }
  if (const auto opening = DecodeOpening(text)) {
    Require(!opening->request.argv.empty());
    for (const std::string& each : opening->request.environment) Require(each.find('=') > 0);
  }
  if (const auto signal = DecodeSignal(text)) Require(*signal >= 1 && *signal <= 64);
  if (const auto input = DecodeInput(text)) Require(input->size() == text.size() - 1);
  Require(AuthorizationIn(text).size() <= text.size());
}

void KeyRecords(std::string_view text) {
  const auto record = DecodeKeyRecord(text);
  if (!record) return;
  const std::string once = EncodeKeyRecord(*record);
  const auto again = DecodeKeyRecord(once);
  Require(again && EncodeKeyRecord(*again) == once);
}

void Addresses(std::string_view text) {
  const auto address = ParseListenAddress(text);
  if (!address) return;
  Require(address->path.starts_with('/') || address->ip == "127.0.0.1" || address->ip == "::1");
}

}  // namespace
}  // namespace veneer::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array kDecoders{veneer::api::Targets,   veneer::api::Heads,
                                 veneer::api::Bodies,    veneer::api::KeyRecords,
                                 veneer::api::Addresses, veneer::api::Messages};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  kDecoders.at(data[0] % kDecoders.size())(text);
  return 0;
}
