// Where the exceptions of SQLite end.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace veneer {

// What to do about a catalog that is damaged.
std::string DamagedHint(const std::string& path);

// `os_errno`: of the last system call of that connection that failed, 0 where it is unknown. `step`
// says what was tried, `path` is the catalog's.
Error SqliteError(const SQLite::Exception& exception, int os_errno, std::string_view step,
                  const std::string& path);

}  // namespace veneer
