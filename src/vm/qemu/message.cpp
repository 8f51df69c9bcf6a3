#include "vm/qemu/message.h"

#include <algorithm>
#include <utility>

namespace veneer {
namespace {

constexpr int kDeepest = 32;
constexpr std::size_t kLongestText = 500;
constexpr char kSentinel = '\xff';

// How much deeper the nesting is behind this character.
int StepInto(char c) {
  if (c == '{' || c == '[') return 1;
  return c == '}' || c == ']' ? -1 : 0;
}

// Before it is parsed: a parser's own limit is the stack.
bool NestsTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (!quoted) depth += StepInto(c);
    if (depth > kDeepest) return true;
  }
  return false;
}

std::unexpected<Error> NoMessage(std::string_view why) {
  return Fail(ErrorKind::kCorrupt, std::string(why));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string clean(text.substr(0, kLongestText));
  std::ranges::replace_if(
      clean, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return clean;
}

Result<VmMessage> DecodeMessage(std::string_view line) {
  if (line.size() > LineBuffer::kLongest) return NoMessage("a message that is too long");
  if (NestsTooDeep(line)) return NoMessage("a message that nests too deep");
  nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return NoMessage("a message that is no JSON object");
  if (const auto value = json.find("return"); value != json.end()) {
    return VmMessage{.kind = VmMessage::Kind::kReturn, .value = std::move(*value)};
  }
  const auto error = json.find("error");
  if (error == json.end()) return VmMessage{};
  VmMessage message{.kind = VmMessage::Kind::kError, .error = "an error without a word"};
  if (!error->is_object()) return message;
  const auto text = error->find("desc");
  if (text != error->end() && text->is_string()) {
    message.error = Printable(text->get_ref<const std::string&>());
  }
  return message;
}

Result<std::optional<std::string>> LineBuffer::Next() {
  const std::size_t end = bytes_.find('\n');
  if (end == std::string::npos) {
    if (bytes_.size() > kLongest) return NoMessage("a message that is too long");
    return std::optional<std::string>();
  }
  std::string line = bytes_.substr(0, end);
  bytes_.erase(0, end + 1);
  if (line.size() > kLongest) return NoMessage("a message that is too long");
  const std::size_t mark = line.rfind(kSentinel);
  if (mark != std::string::npos) line.erase(0, mark + 1);
  return std::optional(std::move(line));
}

}  // namespace veneer
