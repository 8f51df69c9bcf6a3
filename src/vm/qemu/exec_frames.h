// What host and guest say to each other over a port for commands (a virtio-serial port).
//
//   frame    type (1 byte), length (4 bytes, big endian), that many bytes; 64 KiB of them at most
//   0x00     a byte between frames that means nothing: 64 KiB and more of them end any frame that
//            somebody left unfinished
//
//   host     'R' run: a list; 'I' a piece of stdin; 'E' its end; 'K' a signal, as text
//   guest    'S' it knows the command: what was sent as nonce; '1' '2' a piece of stdout, stderr;
//            'A' so many bytes of stdin were taken, as text; 'X' the end: a list
//   list     of texts, each length (4 bytes, big endian) and bytes
//   'R'      nonce, user, directory, number of arguments, the arguments, the environment
//   'X'      "exit" | "signal" | "failed", number, text
//
// One command at a time on a port. Before 'S' with its nonce comes what was meant for somebody who
// went away: the host passes over it. Host and guest may both vanish at any byte. The guest is
// hostile: decoders are total. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vm/exec.h"

namespace veneer {

inline constexpr std::size_t kLongestFrame = std::size_t{64} << 10U;
// How much stdin may be on its way.
inline constexpr std::size_t kInputWindow = std::size_t{256} << 10U;

std::string EncodeFrame(char type, std::string_view payload);
std::string EncodeList(const std::vector<std::string>& texts);
// kCorrupt: lengths that do not add up.
Result<std::vector<std::string>> DecodeList(std::string_view bytes);

// kUsage: more arguments and environment than a frame holds, or none, or a NUL in one.
Result<std::string> EncodeRun(const ExecRequest& request, std::string_view nonce);

struct ExecFrame {
  char type = 0;
  std::string payload;
};

// Cuts what a guest sends into frames.
class ExecFrameReader {
 public:
  explicit ExecFrameReader(std::string_view nonce);

  void Add(std::string_view bytes) { bytes_ += bytes; }

  // The next frame from 'S' on; nothing where none is whole. kCorrupt: none can be.
  Result<std::optional<ExecFrame>> Next();

 private:
  Result<bool> FindStart();

  std::string start_;  // the frame that begins it; empty: it has begun
  std::string bytes_;
  std::size_t passed_over_ = 0;
};

// kCorrupt: no such end. What could not be started: kNotFound, with why.
Result<ExecEnd> DecodeEnd(std::string_view payload);

// A number in text; nothing where it is none, or above `most`.
std::optional<std::uint64_t> DecodeNumber(std::string_view text, std::uint64_t most);

}  // namespace veneer
