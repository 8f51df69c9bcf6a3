// What comes from a guest, and from the files of machines: each decoder takes any bytes.
//
// The first byte of the input picks the decoder.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "vm/qemu/exec_frames.h"
#include "vm/qemu/message.h"
#include "vm/qemu/vm_files.h"

namespace veneer {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Message(std::string_view text) {
  const auto message = DecodeMessage(text);
  if (!message) return;
  for (const char c : message->error) Require(static_cast<unsigned char>(c) >= ' ');
}

// In pieces of every size, as sockets give them.
void Lines(std::string_view text) {
  LineBuffer lines;
  std::size_t piece = 1;
  while (!text.empty()) {
    lines.Add(text.substr(0, piece));
    text.remove_prefix(std::min(piece++, text.size()));
    while (true) {
      const auto line = lines.Next();
      if (!line) return;
      if (!*line) break;
      Require((*line)->find('\n') == std::string::npos);
    }
  }
}

void Frames(std::string_view text) {
  constexpr const char* kNonce = "0123456789abcdef";
  ExecFrameReader reader(kNonce);
  reader.Add(EncodeFrame('S', kNonce));
  std::size_t piece = 1;
  while (!text.empty()) {
    reader.Add(text.substr(0, piece));
    text.remove_prefix(std::min(piece++, text.size()));
    while (true) {
      const auto frame = reader.Next();
      if (!frame) return;
      if (!*frame) break;
      Require((*frame)->payload.size() <= kLongestFrame);
    }
  }
}

void End(std::string_view text) {
  const auto end = DecodeEnd(text);
  if (end) Require(ShellStatus(*end) >= 0 && ShellStatus(*end) <= 255);
  const auto list = DecodeList(text);
  if (list) Require(EncodeList(*list) == text);
  DecodeNumber(text, 1000);
}

void MachineFiles(std::string_view text) {
  if (const auto machine = DecodeMachine(text)) {
    const std::string once = EncodeMachine(*machine);
    const auto again = DecodeMachine(once);
    Require(again && EncodeMachine(*again) == once);
  }
  if (const auto process = DecodeProcess(text)) Require(process->pid > 1);
  BeganIn(text).Ignore("an error is an answer");
}

}  // namespace
}  // namespace veneer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array kDecoders{veneer::Message, veneer::Lines, veneer::Frames, veneer::End,
                                 veneer::MachineFiles};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  kDecoders.at(data[0] % kDecoders.size())(text);
  return 0;
}
