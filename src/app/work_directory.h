// Where the demo works, and how it cleans up there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace veneer {

// Removes a tree, but nothing that is mounted in it: a bootstrap that was killed may have left
// the host's own /dev there. Says on stderr where something is left.
void RemoveTree(const std::filesystem::path& tree);

// A directory for one run, removed at the end; and one that stays from run to run.
class WorkDirectory {
 public:
  // `lasting`: made where it is missing, never removed. Without it both are one new directory
  // under /var/tmp.
  static Result<WorkDirectory> Make(const std::optional<std::string>& lasting);

  WorkDirectory(WorkDirectory&& other) noexcept;
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  ~WorkDirectory();

  // It stays when this object goes.
  void Keep() { keep_ = true; }

  [[nodiscard]] const std::filesystem::path& lasting() const { return lasting_; }
  [[nodiscard]] const std::filesystem::path& run() const { return run_; }
  [[nodiscard]] Result<Bytes> Available() const;

 private:
  WorkDirectory(std::filesystem::path lasting, std::filesystem::path run);

  std::filesystem::path lasting_;
  std::filesystem::path run_;
  bool keep_ = false;
};

}  // namespace veneer
