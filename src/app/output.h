// How commands speak: text for people, one JSON value for programs, errors in one line.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/global_options.h"
#include "base/result.h"
#include "base/units.h"

namespace veneer {

// "key    value" lines with the values in one column.
using KeyValues = std::vector<std::pair<std::string, std::string>>;
std::string RenderKeyValues(const KeyValues& pairs);

// "4.0 GiB (4294967296 bytes)"; without the bracket where the size is below 1 KiB.
std::string RenderSize(Bytes size);

// Text that is safe on a terminal and in one line: control characters become '?'.
std::string OneLine(std::string_view text);

// "veneer: what; hint".
std::string RenderErrorLine(const Error& error);

// One line of JSON. Bytes that are no UTF-8 (file names) become U+FFFD.
std::string RenderJson(const nlohmann::ordered_json& value);

// {"error":{"kind","message","hint"}}
nlohmann::ordered_json ErrorJson(const Error& error);

// Write to stdout; kFailed where it cannot take it (a full disk behind a redirection).
Result<void> Print(std::string_view text);
Result<void> PrintJson(const nlohmann::ordered_json& value);

// Tells on stderr, in lines of their own, what was done all the same; nothing where JSON has it.
void PrintWarnings(const std::vector<std::string>& warnings, OutputStyle style);

// Tells the failure on stderr, in the wanted style, and yields its exit status.
int ReportError(const Error& error, OutputStyle style);

}  // namespace veneer
