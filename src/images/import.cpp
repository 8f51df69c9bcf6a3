#include "images/import.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <span>
#include <tuple>
#include <utility>

#include "base/size_text.h"
#include "images/import_steps.h"
#include "kernel/linux/new_file.h"

namespace veneer {
namespace {

constexpr mode_t kImageMode = 0400;  // nobody changes a template

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<DetectedFormat> FormatOf(const LinuxFile& source) {
  std::array<std::byte, kFormatHead.value()> head{};
  const Bytes size = VENEER_TRY(source.Size());
  const auto part = std::span(head).first(std::min(size, kFormatHead).value());
  VENEER_TRY(source.ReadAt(ByteOffset(0), part));
  const auto format = DetectFormat(part, size);
  if (!format) return Fail(InContext(format.error(), fmt::format("import {}", source.name())));
  return *format;
}

// What changes when somebody writes to a file.
Result<std::tuple<off_t, time_t, long>> StampOf(const LinuxFile& file) {
  struct stat status{};
  if (::fstat(file.fd().get(), &status) != 0) {
    return FailErrno(errno, fmt::format("stat {}", file.name()));
  }
  return std::tuple(status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Result<ImportReport> Fill(const ImportJob& job, const DetectedFormat& detected) {
  switch (detected.format) {
    case ImageFormat::kRaw:
      return ImportRaw(job);
    case ImageFormat::kQcow2:
      return ImportQcow2(job);
    case ImageFormat::kTar:
      return ImportTar(job, detected.compression);
  }
  return Fail(ErrorKind::kUsage, "no such format");
}

Result<void> RequireSizeIsMeant(const ImportOptions& options, ImageFormat format) {
  if (!options.size) return {};
  if (format != ImageFormat::kTar) {
    return Fail(
        ErrorKind::kUsage, fmt::format("a {} image has its size already", FormatName(format)),
        "give a size for an archive only; a sandbox's disk may be larger than its template");
  }
  if (*options.size == Bytes(0) || *options.size % MiB(1) != Bytes(0)) {
    return Fail(ErrorKind::kUsage,
                fmt::format("{} bytes are no size for a file system", options.size->value()),
                "give whole MiB: 512M, 2G");
  }
  return {};
}

}  // namespace

Result<void> ImportJob::RequireRoomFor(Bytes needed) const {
  return options.reserve ? RequireRoom(directory, needed, *options.reserve) : Result<void>();
}

Result<void> ImportJob::RequireAllowed(Bytes size) const {
  if (size <= options.max_size) return {};
  return Fail(ErrorKind::kNoSpace,
              fmt::format("the image is of {}, and images of more than {} are not allowed",
                          FormatSize(size), FormatSize(options.max_size)),
              "raise the limit on the size of images, if it is to be that large");
}

Result<ImportReport> ImportImage(const std::string& source, const std::string& output,
                                 const ImportOptions& options) {
  const auto file = VENEER_TRY(LinuxFile::Open(source, Access::kReadOnly));
  const DetectedFormat detected = VENEER_TRY(FormatOf(*file));
  VENEER_TRY(RequireSizeIsMeant(options, detected.format));
  const auto stamp = VENEER_TRY(StampOf(*file));
  NewFile image = VENEER_TRY(NewFile::Begin(output, Replace::kNever));
  const std::string directory = DirectoryOf(output);
  auto report = Fill({*file, image.file(), directory, options}, detected);
  if (!report) {
    return Fail(InContext(std::move(report).error(), fmt::format("import {}", source)));
  }
  if (VENEER_TRY(StampOf(*file)) != stamp) {
    return Fail(ErrorKind::kConflict, fmt::format("{} was changed while it was imported", source),
                "see to it that nobody writes to it, and import it again");
  }
  if (::fchmod(image.file().fd().get(), kImageMode) != 0) {
    return FailErrno(errno, fmt::format("protect {}", output));
  }
  VENEER_TRY(std::move(image).Publish());
  return *report;
}

}  // namespace veneer
