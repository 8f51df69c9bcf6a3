#include "app/work_directory.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "app/program.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

Result<fs::path> MakeUnique(const fs::path& prefix) {
  std::string pattern = prefix.native() + "-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    return FailErrno(errno, fmt::format("make the directory {}", pattern),
                     "name a place that may be written with --work DIR");
  }
  return fs::path(pattern);
}

}  // namespace

void RemoveTree(const fs::path& tree) {
  const auto end = RunUninterrupted({"rm", "-rf", "--one-file-system", "--", tree});
  if (end && end->status == 0) return;
  (void)std::fputs(fmt::format("veneer: {} is left; remove it by hand\n", tree.string()).c_str(),
                   stderr);
}

Result<WorkDirectory> WorkDirectory::Make(const std::optional<std::string>& lasting) {
  if (!lasting) {
    const fs::path both = VENEER_TRY(MakeUnique("/var/tmp/veneer-demo"));
    return WorkDirectory(both, both);
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(*lasting, error);
  if (!error) fs::create_directories(absolute, error);
  if (error) return FailErrno(error.value(), fmt::format("make {}", *lasting));
  return WorkDirectory(absolute, VENEER_TRY(MakeUnique(absolute / "run")));
}

WorkDirectory::WorkDirectory(fs::path lasting, fs::path run)
    : lasting_(std::move(lasting)), run_(std::move(run)) {}

WorkDirectory::WorkDirectory(WorkDirectory&& other) noexcept
    : lasting_(std::move(other.lasting_)),
      run_(std::exchange(other.run_, {})),
      keep_(other.keep_) {}

WorkDirectory::~WorkDirectory() {
  if (!keep_ && !run_.empty()) RemoveTree(run_);
}

Result<Bytes> WorkDirectory::Available() const {
  std::error_code error;
  const fs::space_info space = fs::space(run_, error);
  if (error) return FailErrno(error.value(), fmt::format("ask for the room in {}", run_.string()));
  return Bytes(space.available);
}

}  // namespace veneer
