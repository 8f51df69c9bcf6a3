// Who may ask, before anything of a request is believed. Pure.
//
// Over the unix socket, whom its mode lets in. Over TCP, who names this very listener in Host (a
// page of a foreign name that resolves to this host does not) and has the token. A request that a
// browser marks as another origin's is refused everywhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "api/router.h"
#include "api/token.h"

namespace veneer::api {

// What a listener demands.
struct Door {
  std::vector<std::string> hosts{};  // names in Host that mean it; none: any
  const Token* token = nullptr;      // none: the socket's mode decides
};

struct Credentials {
  std::vector<std::string> hosts{};  // each Host header
  std::optional<std::string> origin{};
  std::string authorization{};
};

// The refusal of one that names another host, or comes from another origin.
std::optional<Response> RefuseStranger(const Door& door, const Credentials& credentials);

// "veneer.token.T" among the subprotocols of a WebSocket: "Bearer T". A page can send the token in
// no other way. Empty where there is none.
std::string AuthorizationIn(std::string_view protocols);

// The refusal of one that has no token where it needs one.
std::optional<Response> RefuseWithoutToken(const Door& door, Access access,
                                           const Credentials& credentials);

}  // namespace veneer::api
