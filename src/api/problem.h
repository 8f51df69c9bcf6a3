// Errors as RFC 9457 problems (application/problem+json).
//
//   kind of an Error   status      what HTTP itself refuses         status
//   usage              400         no or a wrong token              401
//   not_found          404         another origin                   403
//   conflict           409         no such method there             405
//   corrupt            422         a body that is too long          413
//   failed             500         a body that is no JSON           415
//   unsupported        501         a name that is not this host's   421
//   no_space           507         headers that are too long        431
//                                  no WebSocket where one is needed 426
//                                  too much to do                   503
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/error.h"

namespace veneer::api {

unsigned StatusOf(ErrorKind kind);

Response ProblemOf(const Error& error);

// What is refused before any handler sees it.
Response Unauthorized();
Response ForeignOrigin();
Response Misdirected();
Response MethodNotAllowed(const std::vector<Method>& allowed);
Response BodyTooLong(std::string_view limit);
Response NotJson();
Response HeadersTooLong();
Response UpgradeRequired();
Response Malformed(std::string_view what);
Response Unavailable(std::string_view what);

}  // namespace veneer::api
