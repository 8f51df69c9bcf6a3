#include "kernel/testing/fake_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace veneer::testing {

class FakeFile::Handle final : public File {
 public:
  explicit Handle(FakeFile& file) : file_(file) {}

  Result<void> ReadAt(ByteOffset at, std::span<std::byte> out) const override {
    return file_.ReadAt(at, out);
  }
  Result<void> WriteAt(ByteOffset at, std::span<const std::byte> data) override {
    return file_.WriteAt(at, data);
  }
  Result<void> Sync() override { return file_.Sync(); }
  Result<void> PunchHole(ByteOffset at, Bytes length) override {
    return file_.PunchHole(at, length);
  }
  Result<void> Allocate(ByteOffset at, Bytes length) override { return file_.Allocate(at, length); }
  [[nodiscard]] Result<Bytes> Size() const override { return file_.size_; }
  [[nodiscard]] Result<Extent> NextData(ByteOffset from) const override {
    return file_.NextData(from);
  }

 private:
  FakeFile& file_;
};

FakeFile::FakeFile(std::span<const std::byte> contents) : size_(contents.size()) {
  for (std::size_t at = 0; at < contents.size(); at += kPage) {
    const auto part = contents.subspan(at, std::min(kPage, contents.size() - at));
    if (std::ranges::all_of(part, [](std::byte b) { return b == std::byte{0}; })) continue;
    std::ranges::copy(part, pages_[at / kPage].begin());
  }
}

std::unique_ptr<File> FakeFile::Open() { return std::make_unique<Handle>(*this); }

std::vector<std::byte> FakeFile::Contents() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::byte> contents(size_.value());
  for (const auto& [number, page] : pages_) {
    const std::size_t begin = number * kPage;
    if (begin >= contents.size()) break;
    std::memcpy(&contents[begin], page.data(), std::min(kPage, contents.size() - begin));
  }
  return contents;
}

Bytes FakeFile::AllocatedBytes() const {
  const std::lock_guard lock(mutex_);
  return Bytes(pages_.size() * kPage);
}

void FakeFile::Resize(Bytes size) {
  const std::lock_guard lock(mutex_);
  size_ = size;
}

void FakeFile::SetFreeSpace(std::optional<Bytes> free) {
  const std::lock_guard lock(mutex_);
  free_ = free;
}

void FakeFile::FailNext(Verb verb, int os_errno, unsigned skip) {
  const std::lock_guard lock(mutex_);
  failures_[verb] = {os_errno, skip};
}

std::uint64_t FakeFile::Calls(Verb verb) const {
  const std::lock_guard lock(mutex_);
  const auto calls = calls_.find(verb);
  return calls == calls_.end() ? 0 : calls->second;
}

bool FakeFile::WasRead(ByteOffset at, Bytes length) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      reads_, [&](const Extent& read) { return read.begin < at + length && at < read.end(); });
}

void FakeFile::ForgetReads() {
  const std::lock_guard lock(mutex_);
  reads_.clear();
}

std::unique_ptr<FakeFile> FakeFile::AfterCut(const Chooser& choose) const {
  const std::lock_guard lock(mutex_);
  auto after = std::make_unique<FakeFile>(size_);
  after->pages_ = pages_;
  for (const auto& [sector, versions] : unsynced_) {
    const Sector& survivor = versions[choose(sector, versions.size())];
    after->Overwrite(ByteOffset(sector * kSector), Bytes(kSector), survivor.data());
  }
  after->unsynced_.clear();
  return after;
}

Result<void> FakeFile::Enter(Verb verb) {
  ++calls_[verb];
  const auto failure = failures_.find(verb);
  if (failure == failures_.end()) return {};
  if (failure->second.skip > 0) {
    --failure->second.skip;
    return {};
  }
  const int error = failure->second.os_errno;
  failures_.erase(failure);
  return FailErrno(error, "fake file");
}

void FakeFile::Moment() const {
  if (observer_) observer_();
}

Result<void> FakeFile::ReadAt(ByteOffset at, std::span<std::byte> out) {
  const std::lock_guard lock(mutex_);
  VENEER_TRY(Enter(Verb::kRead));
  if (at.value() + out.size() > size_.value()) {
    return Fail(ErrorKind::kCorrupt, fmt::format("read beyond the end at {}", at.value()));
  }
  if (!out.empty()) reads_.push_back({at, Bytes(out.size())});
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t position = at.value() + done;
    const std::size_t in_page = position % kPage;
    const std::size_t step = std::min(kPage - in_page, out.size() - done);
    const auto page = pages_.find(position / kPage);
    if (page == pages_.end()) {
      std::memset(&out[done], 0, step);
    } else {
      std::memcpy(&out[done], &page->second[in_page], step);
    }
    done += step;
  }
  return {};
}

Result<void> FakeFile::TakePages(ByteOffset at, Bytes length) {
  const std::uint64_t first = at.value() / kPage;
  const std::uint64_t last = (at.value() + length.value() - 1) / kPage;
  for (std::uint64_t number = first; number <= last; ++number) {
    if (pages_.contains(number)) continue;
    if (free_ && *free_ < Bytes(kPage)) return FailErrno(ENOSPC, "fake file");
    if (free_) *free_ -= Bytes(kPage);
    pages_.emplace(number, Page{});
  }
  return {};
}

FakeFile::Sector FakeFile::SectorNow(std::uint64_t sector) const {
  Sector contents{};
  const auto page = pages_.find(sector * kSector / kPage);
  if (page != pages_.end()) {
    std::memcpy(contents.data(), &page->second[sector * kSector % kPage], kSector);
  }
  return contents;
}

// `data` may be null: zeros.
void FakeFile::Overwrite(ByteOffset at, Bytes length, const std::byte* data) {
  for (std::uint64_t done = 0; done < length.value();) {
    const std::uint64_t position = at.value() + done;
    const std::uint64_t sector = position / kSector;
    const std::size_t in_sector = position % kSector;
    const std::size_t step = std::min<std::uint64_t>(kSector - in_sector, length.value() - done);
    auto& versions = unsynced_[sector];
    if (versions.empty()) versions.push_back(SectorNow(sector));
    Sector contents = versions.back();
    if (data == nullptr) {
      std::memset(&contents[in_sector], 0, step);
    } else {
      std::memcpy(&contents[in_sector], data + done, step);
    }
    versions.push_back(contents);
    Page& page = pages_[position / kPage];
    std::memcpy(&page[sector * kSector % kPage], contents.data(), kSector);
    done += step;
  }
}

Result<void> FakeFile::WriteAt(ByteOffset at, std::span<const std::byte> data) {
  const std::lock_guard lock(mutex_);
  if (data.empty()) return {};
  Moment();
  VENEER_TRY(Enter(Verb::kWrite));
  if (at.value() + data.size() > size_.value()) {
    return Fail(ErrorKind::kFailed, fmt::format("write beyond the end at {}", at.value()));
  }
  VENEER_TRY(TakePages(at, Bytes(data.size())));
  Overwrite(at, Bytes(data.size()), data.data());
  Moment();
  return {};
}

Result<void> FakeFile::Sync() {
  const std::lock_guard lock(mutex_);
  Moment();
  VENEER_TRY(Enter(Verb::kSync));
  unsynced_.clear();
  Moment();
  return {};
}

Result<void> FakeFile::PunchHole(ByteOffset at, Bytes length) {
  const std::lock_guard lock(mutex_);
  if (length == Bytes(0)) return {};
  Moment();
  VENEER_TRY(Enter(Verb::kPunchHole));
  if (at.value() + length.value() > size_.value()) {
    return Fail(ErrorKind::kFailed, fmt::format("hole beyond the end at {}", at.value()));
  }
  // Only what exists changes; a page that is punched as a whole goes away.
  const std::uint64_t end = at.value() + length.value();
  for (auto page = pages_.lower_bound(at.value() / kPage); page != pages_.end();) {
    const std::uint64_t begin_of_page = page->first * kPage;
    if (begin_of_page >= end) break;
    const std::uint64_t from = std::max(begin_of_page, at.value());
    const std::uint64_t to = std::min(begin_of_page + kPage, end);
    Overwrite(ByteOffset(from), Bytes(to - from), nullptr);
    if (to - from == kPage) {
      page = pages_.erase(page);
      if (free_) *free_ += Bytes(kPage);
    } else {
      ++page;
    }
  }
  Moment();
  return {};
}

Result<void> FakeFile::Allocate(ByteOffset at, Bytes length) {
  const std::lock_guard lock(mutex_);
  Moment();
  VENEER_TRY(Enter(Verb::kAllocate));
  VENEER_TRY(TakePages(at, length));
  Moment();
  return {};
}

Result<Extent> FakeFile::NextData(ByteOffset from) const {
  const std::lock_guard lock(mutex_);
  const ByteOffset end(size_.value());
  auto page = pages_.lower_bound(from.value() / kPage);
  if (page == pages_.end() || page->first * kPage >= size_.value()) return Extent{end, Bytes(0)};
  const ByteOffset begin = std::max(from, ByteOffset(page->first * kPage));
  std::uint64_t number = page->first;
  while (page != pages_.end() && page->first == number) {
    ++page;
    ++number;
  }
  return Extent{begin, std::min(end, ByteOffset(number * kPage)) - begin};
}

}  // namespace veneer::testing
