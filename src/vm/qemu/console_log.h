// The console's log: what a guest said last, in two files of bounded size.
//
//   console.0, console.1   "OFFSET\n", then bytes: the first of them is the OFFSET-th that the
//                          console ever said. Where one is full, the older is begun anew.
//
// One writer (the keeper), any number of readers, in other processes too. A guest that never stops
// talking costs a disk kLargest, and no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vm/vmm.h"

namespace veneer {

class ConsoleLog {
 public:
  static constexpr std::size_t kHalf = std::size_t{512} << 10U;

  explicit ConsoleLog(std::string directory) : directory_(std::move(directory)) {}

  Result<void> Append(std::string_view text);

  // See Vmm::Console. At most kHalf bytes at once.
  static Result<ConsoleText> Read(const std::string& directory, std::uint64_t from);

  // The last bytes, at most so many.
  static std::string Tail(const std::string& directory, std::size_t most);

 private:
  Result<void> BeginHalf();

  std::string directory_;
  UniqueFd fd_;
  unsigned half_ = 1;
  std::size_t in_half_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace veneer
