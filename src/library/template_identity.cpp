#include "library/template_identity.h"

#include <fmt/format.h>

#include "cow/digest.h"
#include "kernel/linux/linux_file.h"

namespace veneer {
namespace {

std::optional<FileStamp> StampOf(const LinuxFile& image) {
  const Result<FileStamp> stamp = image.Stamp();
  return stamp ? std::optional(*stamp) : std::nullopt;
}

}  // namespace

Result<TemplateIdentity> IdentifyTemplate(const std::string& image,
                                          const std::function<void(Bytes, Bytes)>& progress) {
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  const std::optional<FileStamp> stamp = StampOf(*file);
  return TemplateIdentity{.size = VENEER_TRY(file->Size()),
                          .digest = VENEER_TRY(DigestOf(*file, progress)),
                          .stamp = stamp};
}

Result<void> VerifyTemplate(const std::string& image, const TemplateIdentity& identity) {
  const auto file = VENEER_TRY(LinuxFile::Open(image, Access::kReadOnly));
  if (identity.stamp && StampOf(*file) == identity.stamp) return {};
  const Bytes size = VENEER_TRY(file->Size());
  const bool same = size == identity.size && VENEER_TRY(DigestOf(*file)) == identity.digest;
  if (same) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("{} is no longer the template that the snapshot was made from", image),
              "restore that file: the store is of no use without it");
}

}  // namespace veneer
