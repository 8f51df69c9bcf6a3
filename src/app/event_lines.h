// Events of the daemon (server-sent events), line by line, and how they are printed. Total:
// whatever the other end sends, something can be printed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/global_options.h"

namespace veneer {

// One event, as far as it has been read.
class EventLines {
 public:
  // A line without its break. Yields what is to be printed where it ends an event.
  std::optional<std::string> Take(std::string_view line, OutputStyle style);

 private:
  std::string id_;
  std::string type_;
  std::string data_;
};

}  // namespace veneer
