// The parts of ImportImage, one for each format. All fill `output`, which is empty and has no name.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "images/import.h"
#include "kernel/linux/child_process.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

struct ImportJob {
  const LinuxFile& source;
  LinuxFile& output;
  const std::string& directory;  // that the output will be in
  const ImportOptions& options;

  void Report(Bytes done, Bytes all) const {
    if (options.progress) options.progress(done, all);
  }
  [[nodiscard]] Result<void> RequireRoomFor(Bytes needed) const;
  // kNoSpace where an image of this size is over the limit.
  [[nodiscard]] Result<void> RequireAllowed(Bytes size) const;
};

Result<ImportReport> ImportRaw(const ImportJob& job);
Result<ImportReport> ImportQcow2(const ImportJob& job);
Result<ImportReport> ImportTar(const ImportJob& job, Compression compression);

// An ext4 file system of the directory's contents, in a file that is empty. `size`: none for what
// they need and some room. Yields its size. `progress`: (bytes written, bytes expected).
Result<Bytes> MakeExt4(const std::string& tree, LinuxFile& image, const ImportJob& job,
                       const std::function<void(Bytes, Bytes)>& progress);

// How a program's failure is told.
struct ToolFailure {
  ErrorKind kind = ErrorKind::kFailed;
  std::string_view what;  // "the archive cannot be read"
  std::string_view hint;
};

// The error for a program that ended like this: its first complaint is part of the message. Where
// that says that there is no space it is kNoSpace, whatever `failure` says.
std::unexpected<Error> ToolFailed(const ChildEnd& end, const ToolFailure& failure);

// Runs it; an end with another status than 0 is that error.
Result<void> RunTool(const ChildProgram& program, const ToolFailure& failure);

}  // namespace veneer
