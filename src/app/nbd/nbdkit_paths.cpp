#include "app/nbd/nbdkit_paths.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "app/program.h"

namespace veneer {
namespace {

constexpr const char* kPlugin = "nbdkit-veneer-plugin.so";

Result<std::string> FindPlugin() {
  std::error_code error;
  const std::filesystem::path here =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& directory : {here, here.parent_path() / "lib/nbdkit/plugins",
                                                 std::filesystem::path(VENEER_NBDKIT_PLUGIN_DIR)}) {
    std::string path = directory / kPlugin;
    if (::access(path.c_str(), R_OK) == 0) return path;
  }
  return Fail(ErrorKind::kUnsupported, std::string(kPlugin) + " is missing",
              "install veneer again: the plugin comes with it");
}

}  // namespace

Result<NbdkitPaths> FindNbdkit() {
  const auto program = FindProgram("nbdkit");
  if (!program) {
    return Fail(ErrorKind::kUnsupported, "this host has no nbdkit, which serves disks by NBD",
                "apt-get install nbdkit");
  }
  return NbdkitPaths{.program = *program, .plugin = VENEER_TRY(FindPlugin())};
}

}  // namespace veneer
