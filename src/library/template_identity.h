// What tells that an image is still the template that a snapshot was made from.
//
// A store is of use with its own template alone. The store records the template's size; whoever
// keeps stores for long keeps its identity too, and hands it to RestoreSnapshot.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "kernel/file_stamp.h"

namespace veneer {

struct TemplateIdentity {
  Bytes size;
  std::string digest;                // "sha256:" and 64 hex digits, of size and contents
  std::optional<FileStamp> stamp{};  // none for a block device
};

// Reads and hashes all data of the image (holes are skipped): once for each template. `progress`:
// (bytes done, bytes in all), now and then; may be empty. Blocks; any thread.
Result<TemplateIdentity> IdentifyTemplate(const std::string& image,
                                          const std::function<void(Bytes, Bytes)>& progress = {});

// An image with the stamp (size, time, inode) of the identity is taken to be it, without being
// read; else its contents are hashed: a restored backup is the same template. kCorrupt: it is
// another; kNotFound: it is gone.
Result<void> VerifyTemplate(const std::string& image, const TemplateIdentity& identity);

}  // namespace veneer
