// The page: what people look at and work with in a browser, at "/" and "/test".
//
// Its files lie in src/api/page and are a part of the program. They hold no data, so anybody who
// reaches the socket may have them; all that they show comes from /v1, which asks for the token.
#pragma once

#include <string_view>
#include <vector>

#include "api/message.h"
#include "api/router.h"
#include "base/result.h"

namespace veneer::api {

// Its paths: "/", "/test", "/page/{file}". They are no part of the API and of its document.
const std::vector<Route>& PageRoutes();

// A file of the page, with the headers that keep it to itself: nothing inline, nothing from
// elsewhere, no frames. kNotFound where there is none of that name.
Result<Response> PageFile(std::string_view name);

}  // namespace veneer::api
