// What clients send about commands, decoded (docs/api.md, "Commands"). Total; kUsage with what is
// wrong and where the schemas are.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "vm/exec.h"

namespace veneer::api {

inline constexpr Bytes kDefaultExecOutput = MiB(1);
inline constexpr Bytes kMostExecOutput = MiB(16);  // of an answer: it is in memory as a whole

// {"argv", "env"?, "cwd"?, "user"?, "timeout_ms"?, "output_limit"?, "input"?}
struct ExecBody {
  ExecRequest request;  // with an output limit; without input
  std::string input;    // what its stdin is; it has none where this is empty
};
Result<ExecBody> DecodeExec(std::string_view body);

// The same with "stdin" in place of "input": the first message of a stream.
enum class ExecInput : std::uint8_t { kNone, kFollows };
struct ExecOpening {
  ExecRequest request;
  ExecInput input = ExecInput::kNone;
};
Result<ExecOpening> DecodeOpening(std::string_view message);

// {"signal":15}
Result<int> DecodeSignal(std::string_view message);

// What stands before the bytes of a binary message.
inline constexpr char kInputTag = 0;
inline constexpr char kOutputTag = 1;
inline constexpr char kErrorsTag = 2;

// The bytes of stdin in a binary message; none: its end.
Result<std::string_view> DecodeInput(std::string_view message);

}  // namespace veneer::api
