#include "catalog/sqlite_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cerrno>

namespace veneer {
namespace {

struct Case {
  int code;
  int os_errno;
  ErrorKind kind;
  bool has_hint;
};

TEST(SqliteErrorTest, EachCodeHasItsKind) {
  for (const auto& [code, os_errno, kind, has_hint] : {
           Case{SQLITE_FULL, ENOSPC, ErrorKind::kNoSpace, true},
           Case{SQLITE_IOERR, EDQUOT, ErrorKind::kNoSpace, true},
           Case{SQLITE_IOERR, EIO, ErrorKind::kFailed, false},
           Case{SQLITE_CANTOPEN, EMFILE, ErrorKind::kNoSpace, true},
           Case{SQLITE_CANTOPEN, EACCES, ErrorKind::kFailed, true},
           Case{SQLITE_BUSY, 0, ErrorKind::kConflict, true},
           Case{SQLITE_CORRUPT, ENOSPC, ErrorKind::kCorrupt, true},
           Case{SQLITE_NOTADB, 0, ErrorKind::kCorrupt, true},
           Case{SQLITE_READONLY, 0, ErrorKind::kFailed, true},
           Case{SQLITE_PERM, 0, ErrorKind::kFailed, true},
           Case{SQLITE_PROTOCOL, 0, ErrorKind::kUnsupported, true},
           Case{SQLITE_CONSTRAINT, 0, ErrorKind::kFailed, false},
           Case{-1, 0, ErrorKind::kFailed, false},
       }) {
    const Error error = SqliteError(SQLite::Exception("it says", code), os_errno, "try", "/a/b");
    EXPECT_EQ(error.kind, kind) << code;
    EXPECT_EQ(!error.hint.empty(), has_hint) << code << error.hint;
    EXPECT_EQ(error.what, "try (/a/b): it says");
  }
}

}  // namespace
}  // namespace veneer
