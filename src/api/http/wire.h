// HTTP on the wire, in Boost.Beast's words. Only the files of this folder and the server include
// it.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>

#include "api/front.h"
#include "api/message.h"

namespace veneer::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Parser = http::request_parser<http::buffer_body>;
using Wire = http::response<http::string_body>;
template <class T>
using Task = asio::awaitable<T>;

// Errors come as values.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

enum class KeepAlive : std::uint8_t { kYes, kNo };

Wire Render(Response response, KeepAlive keep_alive);

// The same as one text.
std::string RenderText(Response response);

Head HeadOf(const Parser& parser);

}  // namespace veneer::api
