// TroubleBook: what is wrong, as it was looked at last; so that each change is told once, and not
// at every look. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace veneer::api {

struct Finding {
  std::string watch;   // "disk", "store", …
  std::string object;  // "sandbox sb-1f…", "template tp-2a…", "host"
  std::string detail;
};

class TroubleBook {
 public:
  using Tell = std::function<void(const Finding&)>;
  using Troubles = std::map<std::string, std::string>;  // by object

  explicit TroubleBook(Tell tell) : tell_(std::move(tell)) {}

  // Tells what is new, what is another, and what is well again.
  void Compare(const std::string& watch, Troubles now);

  // What was wrong with it; empty where nothing was.
  [[nodiscard]] std::string Last(const std::string& watch, const std::string& object) const;

 private:
  Tell tell_;
  std::map<std::string, Troubles> before_;  // by watch
};

}  // namespace veneer::api
