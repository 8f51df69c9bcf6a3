// An empty catalog of the first schema, as the program of that time made it: written down, not
// derived from today's steps.
#pragma once

namespace veneer::testing {

inline constexpr const char* kSchemaOne = R"(
  PRAGMA journal_mode = WAL;
  PRAGMA application_id = 1447970130;
  PRAGMA user_version = 1;
  CREATE TABLE templates (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, size INTEGER NOT NULL CHECK (size >= 0), modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, digest TEXT NOT NULL, made_from TEXT, created_at INTEGER NOT NULL
    ) STRICT;
  CREATE TABLE sandboxes (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    template_id TEXT NOT NULL REFERENCES templates (id), state TEXT NOT NULL,
    backend TEXT NOT NULL, path TEXT, size INTEGER NOT NULL CHECK (size >= 0),
    timings TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
  CREATE INDEX sandboxes_by_template ON sandboxes (template_id);
  CREATE INDEX sandboxes_by_state ON sandboxes (state);
)";

}  // namespace veneer::testing
