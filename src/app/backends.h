// Which backend a command is about: the one place that knows them all.
#pragma once

#include <memory>
#include <string>

#include "app/global_options.h"
#include "backend/disk_backend.h"
#include "base/result.h"

namespace veneer {

// The backend of this name, as in --backend. kUsage: there is none. kConflict: dm, with another run
// directory than what is attached of the state directory has.
Result<std::unique_ptr<DiskBackend>> BackendNamed(const GlobalOptions& options,
                                                  const std::string& name);

// As in --export. kUsage: there is no such export.
Result<ExportKind> ExportChosen(const std::string& name);

// The backend whose disk `path` names, by the look of the path: "/dev/mapper/…" and "/dev/dm-N" are
// device-mapper's, all else is the user backend's. Whether a disk is there is not asked.
Result<std::unique_ptr<DiskBackend>> BackendOf(const GlobalOptions& options,
                                               const std::string& path);

}  // namespace veneer
