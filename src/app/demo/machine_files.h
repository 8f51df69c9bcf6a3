// Real files for the demo: copies of what the machine has under /usr, and their checksums.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/interrupt_watch.h"
#include "base/result.h"
#include "base/units.h"

namespace veneer {

struct CopiedFile {
  std::filesystem::path source;
  std::string name;  // relative to the directory it was copied to
};

struct CopiedFiles {
  std::vector<CopiedFile> files;
  Bytes bytes;
};

// Copies regular files to `directory` until they hold `at_least`; a machine with less than that
// gives all it has, several times. The files are synced to the disk when it returns.
Result<CopiedFiles> CopyMachineFiles(const std::filesystem::path& directory, Bytes at_least,
                                     const InterruptWatch& watch);

// Everything written to the file system of the directory is on its disk when it returns.
Result<void> SyncFileSystemOf(const std::filesystem::path& directory);

// Writes SHA-256 sums of the *sources* to `manifest`, for VerifyManifest.
Result<void> WriteManifest(const CopiedFiles& files, const std::filesystem::path& manifest,
                           const InterruptWatch& watch);

// Reads every file of `manifest` back under `directory`. kCorrupt where one differs.
Result<void> VerifyManifest(const std::filesystem::path& directory,
                            const std::filesystem::path& manifest, const InterruptWatch& watch);

}  // namespace veneer
