#include "sandbox/orphans.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "catalog/object_lock.h"
#include "images/leftovers.h"

namespace veneer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdSize = 11;  // "sb-" and 8 hex digits

// The id that a file is named after; nothing for a file that is none of ours.
std::optional<std::string> IdOf(const fs::path& file) {
  const std::string name = file.filename().string();
  std::string id = name.substr(0, std::min(name.size(), kIdSize));
  const std::string extension = name.substr(id.size());
  const bool is_ours = id.starts_with("sb-") || id.starts_with("tp-");
  const bool is_hex =
      id.find_first_not_of("0123456789abcdef", std::string_view("sb-").size()) == std::string::npos;
  constexpr std::array<std::string_view, 9> kKnown{
      ".img", ".cow", ".lock", ".kernel", ".initrd", ".base", ".memory", ".state", ".loading"};
  const bool known = std::ranges::find(kKnown, extension) != kKnown.end();
  if (id.size() != kIdSize || !is_ours || !is_hex || !known) return std::nullopt;
  return id;
}

Bytes SpaceOf(const fs::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return Bytes(0);
  return kSectorSize * static_cast<std::uint64_t>(status.st_blocks);
}

class OrphanHunt {
 public:
  OrphanHunt(const Host& host, GcMode mode) : host_(host), mode_(mode) {}

  Result<OrphanReport> Run();

 private:
  Result<std::set<std::string>> KnownIds() const;
  void Judge(const fs::path& file, const std::string& id);
  Result<void> SweepUnfinished(const std::string& directory);
  void Remove(const fs::path& file);

  Host host_;
  GcMode mode_;
  OrphanReport found_;
};

Result<std::set<std::string>> OrphanHunt::KnownIds() const {
  std::set<std::string> ids;
  for (const auto& each : VENEER_TRY(host_.catalog.Templates())) ids.insert(each.id);
  for (const auto& each : VENEER_TRY(host_.catalog.Sandboxes())) ids.insert(each.id);
  for (const auto& each : VENEER_TRY(host_.catalog.Intents())) ids.insert(each.id);
  return ids;
}

void OrphanHunt::Remove(const fs::path& file) {
  GcFinding finding{.object = fmt::format("file {}", file.string()), .reason = "no record owns it"};
  const Bytes space = SpaceOf(file);
  std::error_code error;
  if (mode_ == GcMode::kRemove) fs::remove(file, error);
  if (error) {
    found_.report.kept.push_back({.object = std::move(finding.object), .reason = error.message()});
    return;
  }
  found_.freed += space;
  found_.report.removed.push_back(std::move(finding));
}

void OrphanHunt::Judge(const fs::path& file, const std::string& id) {
  std::error_code error;
  const bool had_lock = fs::exists(fmt::format("{}/{}.lock", host_.layout.locks(), id), error);
  auto lock = ObjectLock::TryTake(host_.layout.locks(), id, "gc");
  if (!lock) return;  // somebody is at work
  // It may have come to be recorded before we had the lock.
  const Result<std::set<std::string>> known = KnownIds();
  if (!known || known->contains(id)) return;
  if (file.extension() != ".lock") Remove(file);
  if (mode_ == GcMode::kRemove || !had_lock) std::move(*lock).Forget();
}

// What an import or a clone has left that was killed: without a name of ours, but of a known kind.
Result<void> OrphanHunt::SweepUnfinished(const std::string& directory) {
  const auto dead =
      VENEER_TRY(mode_ == GcMode::kLook ? DeadLeftovers(directory) : SweepLeftovers(directory));
  for (const std::string& path : dead) {
    found_.report.removed.push_back(
        {.object = fmt::format("file {}", path), .reason = "whoever made it was killed"});
  }
  return {};
}

Result<OrphanReport> OrphanHunt::Run() {
  for (const std::string& directory : {host_.layout.sandboxes(), host_.layout.templates()}) {
    VENEER_TRY(SweepUnfinished(directory));
  }
  const std::set<std::string> known = VENEER_TRY(KnownIds());
  for (const std::string& directory :
       {host_.layout.sandboxes(), host_.layout.templates(), host_.layout.locks()}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const auto id = IdOf(entry.path());
      if (id && !known.contains(*id)) Judge(entry.path(), *id);
    }
  }
  return std::move(found_);
}

}  // namespace

Result<OrphanReport> CollectOrphans(const Host& host, GcMode mode) {
  return OrphanHunt(host, mode).Run();
}

}  // namespace veneer
