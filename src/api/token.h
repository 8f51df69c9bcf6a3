// The bearer token that stands for its file: who can read the file may use the API over TCP.
//
// 64 hex digits of the kernel's random numbers in a file of mode 0600, made where it is missing.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace veneer::api {

class Token {
 public:
  // kFailed where the file is another user's or others may read it: it might be known already.
  // kCorrupt where it holds no token.
  static Result<Token> LoadOrMake(const std::string& path);

  // Whether a header "Authorization" carries it. Takes the same time whatever bytes are wrong.
  [[nodiscard]] bool Matches(std::string_view authorization) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit Token(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace veneer::api
