#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/zeros.h"
#include "images/import_steps.h"
#include "images/leftovers.h"
#include "images/tar_listing.h"

namespace veneer {
namespace {

struct Decompressor {
  std::string flag;  // for tar
  std::string program;
  std::string package;
};

Decompressor DecompressorFor(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return {};
    case Compression::kGzip:
      return {.flag = "--gzip", .program = "gzip", .package = "gzip"};
    case Compression::kBzip2:
      return {.flag = "--bzip2", .program = "bzip2", .package = "bzip2"};
    case Compression::kXz:
      return {.flag = "--xz", .program = "xz", .package = "xz-utils"};
    case Compression::kZstd:
      return {.flag = "--zstd", .program = "zstd", .package = "zstd"};
  }
  return {};
}

// tar takes an archive that was cut between two members for a whole one. An archive ends with two
// blocks of zeros (POSIX pax, "ustar Interchange Format"); a compressed one, its program looks
// after.
Result<void> RequireEnd(const LinuxFile& archive, Bytes size) {
  std::array<std::byte, 1024> end{};
  if (size >= Bytes(end.size())) {
    VENEER_TRY(archive.ReadAt(ByteOffset(0) + (size - Bytes(end.size())), end));
    if (AreZeros(end)) return {};
  }
  return Fail(ErrorKind::kCorrupt, "the archive has no end", "it is truncated: make it again");
}

// The archive is read twice, to look and to unpack, and then the image is written: three parts of
// one length.
class Parts {
 public:
  Parts(const ImportJob& job, Bytes archive) : job_(job), archive_(archive) {}

  void Report(std::uint64_t part, Bytes done, Bytes all) {
    const double share =
        all == Bytes(0)
            ? 0
            : std::min(1.0, static_cast<double>(done.value()) / static_cast<double>(all.value()));
    const auto within = static_cast<std::uint64_t>(share * static_cast<double>(archive_.value()));
    // A program that seeks or looks ahead must not make it go back.
    last_ = std::max(last_, archive_ * part + std::min(Bytes(within), archive_));
    job_.Report(last_, archive_ * 3);
  }

 private:
  const ImportJob& job_;
  Bytes archive_;
  Bytes last_;
};

class TarImport {
 public:
  TarImport(const ImportJob& job, Compression compression, Bytes archive)
      : job_(job),
        decompressor_(DecompressorFor(compression)),
        archive_(archive),
        parts_(job, archive) {}

  Result<ImportReport> Run() {
    if (!decompressor_.program.empty()) {
      VENEER_TRY(PathOfProgram(decompressor_.program, decompressor_.package));
    }
    const Bytes contents = VENEER_TRY(Look());
    // They are on the host twice for a while.
    VENEER_TRY(job_.RequireRoomFor(contents * 2));
    const ScratchDirectory scratch = VENEER_TRY(ScratchDirectory::Make(job_.directory));
    const std::string tree = scratch.path() + "/tree";
    if (::mkdir(tree.c_str(), 0700) != 0) return FailErrno(errno, fmt::format("make {}", tree));
    VENEER_TRY(Unpack(tree));
    const Bytes size = VENEER_TRY(MakeExt4(
        tree, job_.output, job_, [this](Bytes done, Bytes all) { parts_.Report(2, done, all); }));
    parts_.Report(2, Bytes(1), Bytes(1));
    return ImportReport{.format = ImageFormat::kTar, .method = {}, .size = size};
  }

 private:
  Result<Bytes> Look();
  Result<void> Unpack(const std::string& tree);

  // tar on the archive, from its beginning. It has one position with our descriptor, which tells
  // how far it is.
  Result<ChildProgram> Tar(std::uint64_t part, std::vector<std::string> arguments) {
    const int fd = job_.source.fd().get();
    if (::lseek(fd, 0, SEEK_SET) != 0) return FailErrno(errno, "rewind the archive");
    ChildProgram program{.argv = {"tar"}, .package = "tar", .input = &job_.source.fd()};
    std::ranges::move(arguments, std::back_inserter(program.argv));
    if (!decompressor_.flag.empty()) program.argv.push_back(decompressor_.flag);
    program.argv.insert(program.argv.end(), {"--file", "-"});
    program.tick = [this, part, fd] {
      const off_t at = ::lseek(fd, 0, SEEK_CUR);
      if (at >= 0) parts_.Report(part, Bytes(static_cast<std::uint64_t>(at)), archive_);
    };
    return program;
  }

  const ImportJob& job_;
  Decompressor decompressor_;
  Bytes archive_;
  Parts parts_;
};

// Yields the bytes that it holds.
Result<Bytes> TarImport::Look() {
  if (decompressor_.program.empty()) VENEER_TRY(RequireEnd(job_.source, archive_));
  ChildProgram list = VENEER_TRY(Tar(
      0, {"--list", "--verbose", "--numeric-owner", "--quoting-style=escape", "--absolute-names"}));
  TarListing listing(job_.options.max_size);
  list.output = [&](std::string_view text) { return listing.Add(text); };
  VENEER_TRY(RunTool(list, {ErrorKind::kCorrupt, "the archive cannot be read",
                            "it may be truncated; a compressed image of a disk is to be "
                            "unpacked first"}));
  VENEER_TRY(listing.Finish());
  return listing.bytes();
}

Result<void> TarImport::Unpack(const std::string& tree) {
  // Of the extended attributes only those that mean the same in a guest: not the host's labels.
  const ChildProgram extract =
      VENEER_TRY(Tar(1, {"--extract", "--directory", tree, "--numeric-owner", "--same-owner",
                         "--preserve-permissions", "--acls", "--xattrs", "--xattrs-include=user.*",
                         "--xattrs-include=security.capability", "--delay-directory-restore",
                         "--warning=no-timestamp", "--warning=no-unknown-keyword"}));
  return RunTool(extract, {ErrorKind::kFailed, "the archive cannot be unpacked",
                           "the file system must hold any owner, device and attribute"});
}

}  // namespace

Result<ImportReport> ImportTar(const ImportJob& job, Compression compression) {
  if (::geteuid() != 0) {
    return Fail(ErrorKind::kUnsupported, "only root can unpack files of other owners",
                "run as root, or import an image of the file system");
  }
  return TarImport(job, compression, VENEER_TRY(job.source.Size())).Run();
}

}  // namespace veneer
