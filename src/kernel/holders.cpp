#include "kernel/holders.h"

#include <fmt/format.h>

#include <algorithm>

namespace veneer {

std::string DescribeHolders(std::span<const Holder> holders) {
  constexpr std::size_t kShown = 4;  // a message is one line
  if (holders.empty()) return "in use";
  std::string text;
  for (const Holder& holder : holders.first(std::min(holders.size(), kShown))) {
    if (!text.empty()) text += ", ";
    text += holder.text;
  }
  if (holders.size() > kShown) text += fmt::format(" and {} more", holders.size() - kShown);
  return text;
}

}  // namespace veneer
