#include "catalog/database.h"

#include <SQLiteCpp/Column.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "catalog/catalog.h"
#include "catalog/directories.h"
#include "catalog/schema.h"
#include "kernel/linux/wait_until.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(10);

// Of a page and its frame's header each: half a MiB. Whoever makes the log as long moves it into
// the database, and begins it anew. The first to open a log reads all of it: so much in a fraction
// of a millisecond.
constexpr int kLongLog = 127;

// What the log always has on the file system, used or not: what frees room must not need any. More
// than a long log by a hundred changes.
constexpr off_t kLogRoom = off_t{2} << 20U;

// For its owner alone, whatever the umask says; SQLite gives the files beside it the same mode.
// mknod, because closing a descriptor of the file would drop the locks that SQLite has on it in
// another thread of this process (so it is with POSIX locks).
Result<void> MakeFile(const std::string& path) {
  if (::mknod(path.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make {}", path));
  }
  return {};
}

std::uintmax_t SizeOf(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

bool HasBytes(const std::string& path) { return SizeOf(path) > 0; }

// The database header (sqlite.org/fileformat.html, 1.3), as far as it matters here.
struct FileHeader {
  std::uint32_t schema = 0;          // at 60
  std::uint32_t application_id = 0;  // at 68
};

std::uint32_t LoadBigEndian32(std::span<const unsigned char> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8U | bytes[at + i];
  return value;
}

// Nothing where it is no database, or too short for one. Read through SQLite's own descriptor, for
// the reason that MakeFile has, and before any statement, which could write beside the file.
std::optional<FileHeader> HeaderOf(SQLite::Database& connection) {
  sqlite3_file* file = nullptr;
  const int found = ::sqlite3_file_control(connection.getHandle(), "main",
                                           SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  if (found != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return std::nullopt;
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::array<unsigned char, 100> bytes{};
  if (file->pMethods->xRead(file, bytes.data(), bytes.size(), 0) != SQLITE_OK) return std::nullopt;
  if (!std::equal(kMagic.begin(), kMagic.end(), bytes.begin())) return std::nullopt;
  return FileHeader{.schema = LoadBigEndian32(bytes, 60),
                    .application_id = LoadBigEndian32(bytes, 68)};
}

// What must not be touched is found by looking at the bytes alone: opening a database of this kind
// makes files beside it. What a journal will roll back is judged later.
Result<void> RequireOurs(SQLite::Database& connection) {
  const std::string& path = connection.getFilename();
  if (HasBytes(path + "-journal")) return {};
  // SQLite would throw the log away. A catalog's file has been written before there is a log, which
  // is why the log is looked at first.
  if (HasBytes(path + "-wal") && !HasBytes(path)) {
    return Fail(ErrorKind::kCorrupt, fmt::format("{} is empty, and its log is not", path),
                DamagedHint(path));
  }
  const std::optional<FileHeader> header = HeaderOf(connection);
  if (!header) return {};  // empty, or damaged: the first statement will say so
  if (header->application_id != kApplicationId) return Fail(NoCatalog(path));
  if (header->schema > static_cast<std::uint32_t>(Catalog::kSchema)) {
    return Fail(NewerSchema(path, header->schema));
  }
  return {};
}

// SQLite does not wait for others when it changes to the log, as it does elsewhere.
Result<void> UseLog(SQLite::Database& connection) {
  std::string mode;
  const auto changed = [&] {
    try {
      mode = connection.execAndGet("PRAGMA journal_mode = WAL").getString();
      return true;
    } catch (const SQLite::Exception& exception) {
      if ((exception.getErrorCode() & 0xff) != SQLITE_BUSY) throw;
      return false;
    }
  };
  if (!WaitUntil(kPatience, changed)) {
    return Fail(ErrorKind::kConflict, fmt::format("{} is locked", connection.getFilename()),
                "another command hangs: find it and end it");
  }
  if (mode == "wal") return {};
  return Fail(ErrorKind::kUnsupported,
              fmt::format("no write-ahead log on the file system of {}", connection.getFilename()),
              "keep the state directory on a local file system");
}

// Closing leaves the log as it is. Else the last to close syncs all of it into the database and
// removes it, and the next to write makes it again: more syncs than its commits have, and more room
// than a full file system has.
void KeepLogAtClose(SQLite::Database& connection) {
  ::sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

// Its length stays: blocks that lie behind it are its own all the same. A file system that is full
// already, or cannot do it, is as good as it was. SQLite has no locks on this file.
void KeepRoomForLog(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return;
  constexpr off_t kStatBlock = 512;
  if (status.st_blocks >= kLogRoom / kStatBlock) return;
  [[maybe_unused]] const int kept = ::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, kLogRoom);
}

Result<SQLite::Database> Connect(const std::string& path) {
  try {
    return SQLite::Database(path, SQLite::OPEN_READWRITE, static_cast<int>(kPatience.count()));
  } catch (const SQLite::Exception& exception) {
    return Fail(SqliteError(exception, 0, "open the catalog", path));
  }
}

}  // namespace

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::Open(const std::string& root) {
  if (root.empty()) return Fail(ErrorKind::kUsage, "the state directory has an empty name");
  VENEER_TRY(MakeDirectory(root));
  const std::string path = root + "/catalog.db";
  VENEER_TRY(MakeFile(path));
  SQLite::Database connection = VENEER_TRY(Connect(path));
  std::unique_ptr<CatalogDatabase> database(new CatalogDatabase(std::move(connection)));
  VENEER_TRY(database->Read("open the catalog", [&] { return database->Prepare(); }));
  return database;
}

Result<void> CatalogDatabase::Prepare() {
  const std::string& path = connection_.getFilename();
  if (::sqlite3_db_readonly(connection_.getHandle(), "main") != 0) {
    return Fail(ErrorKind::kFailed, fmt::format("{} cannot be written", path),
                "run as its owner, on a file system that is not mounted read-only");
  }
  // It may belong to a catalog that this program does not understand.
  if (HasBytes(path + "-wal")) KeepLogAtClose(connection_);
  VENEER_TRY(RequireOurs(connection_));
  connection_.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL");
  VENEER_TRY(Migrate(connection_, SchemaSteps()));
  VENEER_TRY(UseLog(connection_));
  KeepLogAtClose(connection_);
  connection_.exec("SELECT count(*) FROM sqlite_schema");  // makes the log where it is missing
  KeepRoomForLog(path + "-wal");
  ::sqlite3_wal_hook(connection_.getHandle(), NoteLog, this);
  return {};
}

// In place of SQLite's own, which moves the log, but begins it anew only for who has stayed open.
int CatalogDatabase::NoteLog(void* self, sqlite3* /*connection*/, const char* /*name*/, int pages) {
  static_cast<CatalogDatabase*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

// Nothing is lost where this does not get far: it is tried again after the next change. A change
// that comes when all of the log has been moved begins it anew, from the start of its file.
void CatalogDatabase::ShortenLog() {
  if (log_pages_ < kLongLog) return;
  int pages = 0;
  int moved = 0;
  const int done = ::sqlite3_wal_checkpoint_v2(connection_.getHandle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  if (done != SQLITE_OK || moved < pages) return;
  try {
    connection_.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
  } catch (const SQLite::Exception&) {
    return;  // somebody else has made a change meanwhile
  }
}

// A newer program may have migrated the catalog since it was opened.
Result<void> CatalogDatabase::RequireSchema() {
  Query query = Ask("PRAGMA user_version");
  query.Next();  // always has a row
  if (query.Number(0) == Catalog::kSchema) return {};
  return Fail(NewerSchema(connection_.getFilename(), query.Number(0)));
}

// With "normal" a commit reaches the log, and the next sync of the log takes it along.
void CatalogDatabase::SyncCommits(Lasting lasting) {
  if (lasting == lasting_) return;
  connection_.exec(lasting == Lasting::kAtOnce ? "PRAGMA synchronous = FULL"
                                               : "PRAGMA synchronous = NORMAL");
  lasting_ = lasting;
}

// SQLite moves into the database only what it has synced in the log, and begins that anew only when
// the database is synced: what is not in the log any more has been made durable by who moved it.
Result<void> CatalogDatabase::SyncLog() const {
  const std::string log = connection_.getFilename() + "-wal";
  // SQLite has no locks on this file, which closing it would drop.
  const UniqueFd fd(::open(log.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (fd.valid() && ::fdatasync(fd.get()) == 0) return {};
  return FailErrno(errno, fmt::format("sync {}", log));
}

// sqlite3_system_errno does not know of a COMMIT that failed, and errno alone tells a full quota
// from a broken disk.
Result<void> CatalogDatabase::Commit(SQLite::Transaction& transaction, std::string_view step) {
  errno = 0;
  try {
    transaction.commit();
    ShortenLog();
    return {};
  } catch (const SQLite::Exception& exception) {
    return Fail(SqliteError(exception, errno, step, connection_.getFilename()));
  }
}

Query CatalogDatabase::Ask(const std::string& sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found = statements_.emplace(sql, SQLite::Statement(connection_, sql)).first;
  }
  return Query(found->second);
}

}  // namespace veneer
