// NewFile: a file that appears under its name whole or not at all.
//
// It has no name while it is written (O_TMPFILE), so that a crash leaves nothing behind. On a
// file system without nameless files it has a hidden name until then, ".NAME.veneer-new", and a
// lock: what a crash has left there is not locked, and the next run takes it over.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/replace.h"

namespace veneer {

// A file that has its name and may lose it, and what is in it, in a cut.
class UnsyncedFile {
 public:
  UnsyncedFile(std::unique_ptr<LinuxFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  // Makes contents and name durable. Blocks; any one thread.
  Result<void> Sync();

 private:
  std::unique_ptr<LinuxFile> file_;
  std::string path_;
};

class NewFile {
 public:
  enum class Naming : std::uint8_t {
    kNameless,  // where the file system can
    kHidden,    // always under the hidden name
  };

  // Begins an empty file that may become `path`. kNotFound: no such directory; kConflict: the path
  // is a directory, or exists and `replace` says kNever, or (with a hidden name) another process
  // is making it.
  static Result<NewFile> Begin(const std::string& path, Replace replace,
                               Naming naming = Naming::kNameless);

  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  [[nodiscard]] LinuxFile& file() { return *file_; }

  // What may be lost in a cut if the name became durable before it.
  enum class Contents : std::uint8_t {
    kWritten,  // data in the page cache: it is synced before the file gets its name
    kCloned,  // nothing but shared blocks: metadata, which reaches the journal before the name does
  };

  // Makes contents and name durable. kConflict where the path has come to exist meanwhile.
  Result<void> Publish(Contents contents = Contents::kWritten) &&;

  // Gives it its name now; what it yields makes both durable. For who has recorded that a file
  // which is found here before that may not be whole. kConflict as above.
  Result<UnsyncedFile> Name() &&;

 private:
  NewFile(std::unique_ptr<LinuxFile> file, std::string path, std::string hidden, Replace replace)
      : file_(std::move(file)),
        path_(std::move(path)),
        hidden_name_(std::move(hidden)),
        replace_(replace) {}

  Result<void> GiveName();
  Result<void> GiveHiddenName();

  std::unique_ptr<LinuxFile> file_;
  std::string path_;
  std::string hidden_name_;  // empty while the file has no name at all
  Replace replace_;
};

}  // namespace veneer
