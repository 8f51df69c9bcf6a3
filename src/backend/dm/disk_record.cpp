#include "backend/dm/disk_record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include "backend/json_fields.h"
#include "kernel/linux/linux_file.h"
#include "kernel/linux/read_text.h"
#include "kernel/linux/wait_until.h"

namespace veneer::dm {
namespace {

constexpr std::string_view kSuffix = ".json";
// Whoever is found at work is given a moment: most are nearly done.
constexpr std::chrono::seconds kPatience{2};

constexpr std::pair<RecordState, std::string_view> kStates[] = {
    {RecordState::kAttaching, "attaching"},
    {RecordState::kAttached, "attached"},
    {RecordState::kDetaching, "detaching"},
    {RecordState::kCloning, "cloning"},
    {RecordState::kHeld, "held"}};

std::string PathOf(const std::string& directory, const std::string& disk) {
  return fmt::format("{}/{}{}", directory, disk, kSuffix);
}

RecordState StateNamed(std::string_view name) {
  for (const auto& [state, text] : kStates) {
    if (text == name) return state;
  }
  return RecordState::kAttaching;
}

std::string_view NameOf(RecordState state) {
  for (const auto& [known, text] : kStates) {
    if (known == state) return text;
  }
  return "";
}

nlohmann::json LoopOrNull(const std::optional<unsigned>& loop) {
  return loop ? nlohmann::json(*loop) : nlohmann::json();
}

// Nothing where it is no number of a loop device: the rest of the record is of use all the same.
std::optional<unsigned> LoopIn(const nlohmann::json& json) {
  const std::int64_t number = NumberOr(json, "store_loop", -1);
  if (number < 0 || number > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<unsigned>(number);
}

// Whether the open file is still the one at the path: not one that was removed meanwhile.
bool IsAt(const UniqueFd& fd, const std::string& path) {
  struct stat open{};
  struct stat there{};
  return ::fstat(fd.get(), &open) == 0 && ::stat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

}  // namespace

std::string EncodeRecord(const DiskRecord& record) {
  return DumpLine({{"state", NameOf(record.state)},
                   {"store", record.store},
                   {"origin", record.origin},
                   {"read_only", record.access == DiskAccess::kReadOnly},
                   {"store_loop", LoopOrNull(record.store_loop)},
                   {"padded_origin", OrNull(record.padded_origin)}}) +
         "\n";
}

Result<DiskRecord> DecodeRecord(std::string_view text) {
  const nlohmann::json json = ParseObjectOrNull(text);
  if (json.is_null()) return Fail(ErrorKind::kCorrupt, "not the record of a disk");
  DiskRecord record;
  record.state = StateNamed(StringOr(json, "state", ""));
  record.store = StringOr(json, "store", "");
  record.origin = StringOr(json, "origin", "");
  if (IsTrue(json, "read_only")) record.access = DiskAccess::kReadOnly;
  record.store_loop = LoopIn(json);
  record.padded_origin = OptionalString(json, "padded_origin");
  return record;
}

Result<LockedRecord> LockedRecord::Lock(const std::string& path, int flags) {
  for (;;) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
    if (!fd.valid()) return FailErrno(errno, fmt::format("open {}", path));
    if (!WaitUntil(kPatience, [&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0; })) {
      return Fail(ErrorKind::kConflict, fmt::format("another process works on {}", path),
                  "wait until it is done");
    }
    if (IsAt(fd, path)) return LockedRecord(path, std::move(fd));
  }
}

Result<void> LockedRecord::Load() {
  const std::string text = VENEER_TRY(ReadText(path_));
  const Result<DiskRecord> record = DecodeRecord(text);
  if (record) record_ = *record;
  return {};
}

Result<LockedRecord> LockedRecord::Take(const std::string& directory, const std::string& disk) {
  LockedRecord locked = VENEER_TRY(Lock(PathOf(directory, disk), O_CREAT));
  VENEER_TRY(locked.Load());
  struct stat status{};
  locked.made_ = ::fstat(locked.fd_.get(), &status) == 0 && status.st_size == 0;
  return locked;
}

Result<LockedRecord> LockedRecord::TakeExisting(const std::string& directory,
                                                const std::string& disk) {
  LockedRecord locked = VENEER_TRY(Lock(PathOf(directory, disk), 0));
  VENEER_TRY(locked.Load());
  return locked;
}

// Blanks end a text that is shorter than what was there: in one call, and nothing is cut off after
// it. A reader without the lock would see the end of the old text behind the new one.
Result<void> LockedRecord::WriteText(std::string text) {
  struct stat there{};
  if (::fstat(fd_.get(), &there) != 0) return FailErrno(errno, fmt::format("look at {}", path_));
  text.resize(std::max(text.size(), static_cast<std::size_t>(there.st_size)), ' ');
  const ssize_t written = ::pwrite(fd_.get(), text.data(), text.size(), 0);
  if (written == static_cast<ssize_t>(text.size())) return {};
  return FailErrno(written < 0 ? errno : ENOSPC, fmt::format("write {}", path_));
}

Result<void> LockedRecord::Write(const DiskRecord& record) {
  Result<void> written = WriteText(EncodeRecord(record));
  if (written) {
    record_ = record;
  } else {
    // Half a record would read as kAttaching, and a disk that lives be taken away.
    WriteText(EncodeRecord(record_)).Ignore("the first error says it");
  }
  return written;
}

void LockedRecord::Erase() { ::unlink(path_.c_str()); }

Result<DiskRecord> ReadRecord(const std::string& directory, const std::string& disk) {
  const std::string text = VENEER_TRY(ReadText(PathOf(directory, disk)));
  return DecodeRecord(text);
}

Result<std::vector<std::string>> RecordedDisks(const std::string& directory) {
  std::vector<std::string> disks;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    disks.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return FailErrno(error.value(), fmt::format("list {}", directory));
  }
  std::ranges::sort(disks);
  return disks;
}

}  // namespace veneer::dm
