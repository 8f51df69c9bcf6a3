#include "sandbox/layout.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace veneer {
namespace {

Result<void> MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return FailErrno(errno, fmt::format("make the directory {}", path),
                   "run as root, or name directories of your own with --root and --run");
}

}  // namespace

Result<void> Layout::Prepare() const {
  for (const std::string& path : {root_, templates(), sandboxes(), locks(), run_, disks()}) {
    VENEER_TRY(MakeDirectory(path));
  }
  return {};
}

}  // namespace veneer
