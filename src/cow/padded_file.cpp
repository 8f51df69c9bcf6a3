#include "cow/padded_file.h"

#include <algorithm>
#include <cerrno>

namespace veneer {
namespace {

std::unexpected<Error> ReadOnly() {
  return Fail(Error{ErrorKind::kUsage, EROFS, "an origin is never written to", ""});
}

}  // namespace

Result<void> PaddedFile::ReadAt(ByteOffset at, std::span<std::byte> out) const {
  if (at.value() > size_.value() || out.size() > size_.value() - at.value()) {
    return Fail(ErrorKind::kCorrupt, "the origin ends before what is to be read");
  }
  const Bytes in_file = at < file_end() ? file_end() - at : Bytes(0);
  const auto data = out.first(std::min<std::uint64_t>(out.size(), in_file.value()));
  if (!data.empty()) VENEER_TRY(file_->ReadAt(at, data));
  std::ranges::fill(out.subspan(data.size()), std::byte{0});
  return {};
}

Result<Extent> PaddedFile::NextData(ByteOffset from) const {
  const Extent none{ByteOffset(size_.value()), Bytes(0)};
  if (from >= file_end()) return none;
  const Extent data = VENEER_TRY(file_->NextData(from));
  if (data.length == Bytes(0) || data.begin >= file_end()) return none;
  return Extent{data.begin, std::min(data.end(), file_end()) - data.begin};
}

Result<void> PaddedFile::WriteAt(ByteOffset /*at*/, std::span<const std::byte> /*data*/) {
  return ReadOnly();
}
Result<void> PaddedFile::PunchHole(ByteOffset /*at*/, Bytes /*length*/) { return ReadOnly(); }
Result<void> PaddedFile::Allocate(ByteOffset /*at*/, Bytes /*length*/) { return ReadOnly(); }

}  // namespace veneer
