#include "app/demo/template_image.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <system_error>

#include "app/debian_root.h"
#include "app/demo/machine_files.h"
#include "app/program.h"
#include "app/template_scripts.h"
#include "app/work_directory.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImageSize = "2G";
constexpr Bytes kMachineFiles = MiB(300);

std::string ContentsOf(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A directory that is removed at the end.
class TemporaryTree {
 public:
  explicit TemporaryTree(fs::path path) : path_(std::move(path)) {}
  TemporaryTree(const TemporaryTree&) = delete;
  TemporaryTree& operator=(const TemporaryTree&) = delete;
  ~TemporaryTree() { RemoveTree(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Result<void> CopyMachine(const fs::path& root, const InterruptWatch& watch) {
  std::error_code error;
  fs::create_directories(root, error);
  if (error) return FailErrno(error.value(), fmt::format("make {}", root.string()));
  VENEER_TRY(CopyMachineFiles(root, kMachineFiles, watch));
  return {};
}

// Yields what is in the root.
Result<std::string> FillRoot(const fs::path& root, StepLog& log, const InterruptWatch& watch) {
  const TemporaryTree work(root.native() + "-work");
  const DebianRoot wanted{.suite = OwnSuite(), .work = work.path(), .target = root};
  const Result<void> debian =
      log.Run("bootstrap a Debian root that boots (mmdebstrap minbase)", [&]() -> Result<void> {
        std::error_code error;
        fs::create_directories(work.path(), error);
        if (error) return FailErrno(error.value(), fmt::format("make {}", work.path().string()));
        VENEER_TRY(MakeDebianRoot(wanted, watch));
        fs::rename(wanted.kernel(), root.parent_path() / "kernel", error);
        if (!error) fs::rename(wanted.initrd(), root.parent_path() / "initrd", error);
        return error ? FailErrno(error.value(), "keep the kernel") : Result<void>();
      });
  if (debian) return fmt::format("Debian {}, mmdebstrap --variant=minbase", wanted.suite);
  VENEER_TRY(watch.Check());
  RemoveTree(root);
  VENEER_TRY(
      log.Run("copy this machine's files instead", [&] { return CopyMachine(root, watch); }));
  return fmt::format("files of this machine, because no Debian root could be made: {}",
                     debian.error().what);
}

Result<void> MakeImage(const fs::path& root, const fs::path& image, const InterruptWatch& watch) {
  const fs::path part = image.native() + ".part";
  // Not lazy: the kernel would go on with mkfs's work in each sandbox's store.
  VENEER_TRY(RunOrFail({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0",
                        "-d", root, part, std::string(kImageSize)},
                       watch));
  std::error_code error;
  fs::permissions(part, fs::perms::owner_read, error);  // nobody changes a template
  if (!error) fs::rename(part, image, error);
  if (error) return FailErrno(error.value(), fmt::format("name {}", image.string()));
  return {};
}

std::optional<BootSource> BootFilesIn(const fs::path& directory) {
  if (!fs::exists(directory / "kernel") || !fs::exists(directory / "initrd")) return std::nullopt;
  return BootSource{.kernel = directory / "kernel",
                    .initrd = directory / "initrd",
                    .cmdline = std::string(kDebianCmdline)};
}

}  // namespace

Result<TemplateImage> ObtainTemplate(const fs::path& directory, StepLog& log,
                                     const InterruptWatch& watch) {
  const fs::path image = directory / "template.img";
  const fs::path about = directory / "template.txt";
  if (fs::exists(image) && fs::exists(about)) {
    return TemplateImage{image, ContentsOf(about) + " (kept from an earlier run)",
                         BootFilesIn(directory)};
  }
  const TemporaryTree root(directory / "template-root");
  const std::string source = VENEER_TRY(FillRoot(root.path(), log, watch));
  VENEER_TRY(log.Run("make the template image (mkfs.ext4 -d)",
                     [&] { return MakeImage(root.path(), image, watch); }));
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  log.Note({.used = VENEER_TRY(file->AllocatedBytes())});
  std::ofstream(about) << source;
  return TemplateImage{image, source, BootFilesIn(directory)};
}

}  // namespace veneer
