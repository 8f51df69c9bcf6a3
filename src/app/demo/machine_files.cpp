#include "app/demo/machine_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "app/program.h"
#include "base/unique_fd.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::array kSources = {"/usr/lib", "/usr/bin", "/usr/share"};
constexpr std::uintmax_t kLargestFile = std::uintmax_t{32} << 20U;
constexpr std::size_t kDigestHexDigits = 64;

// sha256sum escapes names with these, and a manifest should be simple.
bool HasPlainName(const fs::path& path) {
  return path.native().find_first_of("\\\n\r") == std::string::npos;
}

bool IsWanted(const fs::directory_entry& entry) {
  std::error_code error;  // a file that went away meanwhile is not wanted
  if (entry.is_symlink(error) || !entry.is_regular_file(error)) return false;
  const std::uintmax_t size = entry.file_size(error);
  return !error && size > 0 && size <= kLargestFile && HasPlainName(entry.path());
}

Result<void> CopyOne(const fs::path& source, const fs::path& target) {
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (!error) fs::copy_file(source, target, error);
  if (error) return FailErrno(error.value(), fmt::format("copy {}", source.string()));
  return {};
}

class Copier {
 public:
  Copier(fs::path directory, Bytes at_least, const InterruptWatch& watch)
      : directory_(std::move(directory)), at_least_(at_least), watch_(&watch) {}

  Result<CopiedFiles> Run() {
    for (int round = 0; !Enough(); ++round) {
      const Bytes before = copied_.bytes;
      for (const char* source : kSources) VENEER_TRY(CopyTree(source, fmt::format("{}", round)));
      if (copied_.bytes == before) {
        return Fail(ErrorKind::kUnsupported, "this machine has no files under /usr to work with");
      }
    }
    return std::move(copied_);
  }

 private:
  [[nodiscard]] bool Enough() const { return copied_.bytes >= at_least_; }

  Result<void> CopyTree(const fs::path& source, const std::string& prefix) {
    std::error_code error;  // a directory that is not there has no files
    fs::recursive_directory_iterator all(source, fs::directory_options::skip_permission_denied,
                                         error);
    for (; all != fs::recursive_directory_iterator() && !Enough(); all.increment(error)) {
      if (!IsWanted(*all)) continue;
      VENEER_TRY(watch_->Check());
      const std::string name = prefix + all->path().string();
      VENEER_TRY(CopyOne(all->path(), directory_ / name));
      copied_.bytes += Bytes(all->file_size(error));
      copied_.files.push_back({all->path(), name});
    }
    return {};
  }

  fs::path directory_;
  Bytes at_least_;
  const InterruptWatch* watch_;
  CopiedFiles copied_;
};

Result<void> WriteText(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) return FailErrno(errno, fmt::format("write {}", path.string()));
  return {};
}

}  // namespace

Result<void> SyncFileSystemOf(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::syncfs(fd.get()) != 0) {
    return FailErrno(errno, fmt::format("sync {}", directory.string()));
  }
  return {};
}

Result<CopiedFiles> CopyMachineFiles(const fs::path& directory, Bytes at_least,
                                     const InterruptWatch& watch) {
  auto copied = VENEER_TRY(Copier(directory, at_least, watch).Run());
  VENEER_TRY(SyncFileSystemOf(directory));
  return copied;
}

Result<void> WriteManifest(const CopiedFiles& files, const fs::path& manifest,
                           const InterruptWatch& watch) {
  std::string names;
  for (const CopiedFile& file : files.files) names += file.source.native() + '\0';
  const fs::path list = manifest.native() + ".names";
  VENEER_TRY(WriteText(list, names));
  const std::string sums =
      VENEER_TRY(RunOrFail({"xargs", "-0", "-a", list, "sha256sum", "--"}, watch));
  std::istringstream lines(sums);
  std::string text;
  for (const CopiedFile& file : files.files) {
    std::string line;
    if (!std::getline(lines, line) || line.size() < kDigestHexDigits) {
      return Fail(ErrorKind::kFailed, "sha256sum said less than it was asked");
    }
    text += fmt::format("{}  {}\n", line.substr(0, kDigestHexDigits), file.name);
  }
  return WriteText(manifest, text);
}

Result<void> VerifyManifest(const fs::path& directory, const fs::path& manifest,
                            const InterruptWatch& watch) {
  const ProgramEnd end = VENEER_TRY(RunProgram({"env", "--chdir=" + directory.native(), "sha256sum",
                                                "--check", "--quiet", "--strict", manifest},
                                               watch));
  if (end.status != 0) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("files under {} are not what was written: {}{}", directory.string(),
                            end.out.substr(0, 200), end.err.substr(0, 200)));
  }
  return {};
}

}  // namespace veneer
