// Catalog: the durable memory of a state directory, in ROOT/catalog.db (SQLite; WAL,
// synchronous=FULL: what a verb has returned from survives a power cut, but for what is asked to
// last no sooner than others (Lasting)). The newest commits are in catalog.db-wal, also while
// nobody has it open: the two belong together.
//
// Each verb is one transaction: done or not, whatever is killed. Several processes may use it at
// once; each waits a bounded time (10 s) for the others' transactions, then kConflict. The catalog
// does not know what the records mean: who may change an object, and when, is decided by those who
// hold the object's lock (ObjectLock).
//
// Errors: kNotFound and kConflict as said below; kCorrupt: the file is damaged or no catalog, or of
// a schema newer than this program's (nothing is touched then, and the hint says how to go on);
// kNoSpace; kFailed. Blocks on the file. One thread at a time for each object of this class, and
// none survives a fork: the child opens its own (SQLite's rule).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"

namespace veneer {

class CatalogDatabase;

class Catalog {
 public:
  // The schema that this program writes. Older ones are migrated by Open, one step after the other,
  // each in a transaction.
  static constexpr int kSchema = 5;

  // Makes the directory and the file where they are missing. kUnsupported: a file system on which
  // SQLite cannot lock.
  static Result<Catalog> Open(const std::string& root);

  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  // Templates. kConflict: the name or the id is taken.
  Result<void> Add(const TemplateRecord& record);
  // The same, and the end of its intent, in one.
  Result<void> AddAndEnd(const TemplateRecord& record, const IntentRecord& intent);
  // A new stamp of the image that has been found to have the same digest. kNotFound.
  Result<void> Restamp(const std::string& id, const FileStamp& image);
  // By id, name or unique beginning of an id. kNotFound; kUsage where several fit, named.
  [[nodiscard]] Result<TemplateRecord> Template(std::string_view reference) const;
  [[nodiscard]] Result<std::vector<TemplateRecord>> Templates() const;  // by name
  // kConflict while sandboxes use it; the message names them (the first ten). Nothing happens where
  // there is none.
  Result<void> RemoveTemplate(const std::string& id);

  // Sandboxes. kConflict: the name or the id is taken; kNotFound: its template is gone.
  Result<void> Add(const SandboxRecord& record, Lasting lasting = Lasting::kAtOnce);
  // All or none.
  Result<void> Add(const std::vector<SandboxRecord>& records, Lasting lasting = Lasting::kAtOnce);
  // Replaces the record of that id. kNotFound; the rest as Add.
  Result<void> Update(const SandboxRecord& record, Lasting lasting = Lasting::kAtOnce);
  // All or none.
  Result<void> Update(const std::vector<SandboxRecord>& records);
  [[nodiscard]] Result<SandboxRecord> Sandbox(std::string_view reference) const;
  [[nodiscard]] Result<std::vector<SandboxRecord>> Sandboxes() const;  // by creation, then id
  [[nodiscard]] Result<std::vector<SandboxRecord>> SandboxesIn(
      const std::vector<SandboxState>& states) const;
  // Nothing happens where there is none.
  Result<void> RemoveSandbox(const std::string& id, Lasting lasting = Lasting::kAtOnce);

  // Intents. kConflict: that one has begun already.
  Result<void> Begin(const IntentRecord& intent);
  // Nothing happens where there is none.
  Result<void> End(const std::string& id);
  [[nodiscard]] Result<std::vector<IntentRecord>> Intents() const;  // by beginning, then id

  // Makes all changes until now last, whoever made them, as the next that lasts at once would. Any
  // thread, also while another one uses this object: it asks the kernel, and not SQLite.
  [[nodiscard]] Result<void> Sync() const;

 private:
  explicit Catalog(std::unique_ptr<CatalogDatabase> database);

  std::unique_ptr<CatalogDatabase> database_;
};

}  // namespace veneer
