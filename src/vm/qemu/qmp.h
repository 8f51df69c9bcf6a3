// Qmp: QEMU's own control socket. One client at a time, and for moments only.
//
// Blocks up to the deadline of each call; one thread. What QEMU answers is an error of kFailed.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "vm/qemu/json_channel.h"

namespace veneer {

class Qmp {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  // kNotFound where nobody listens. Waits for others that are connected.
  static Result<Qmp> Connect(const std::string& path);

  Result<nlohmann::json> Run(const std::string& command, nlohmann::json arguments = nullptr);

  // The same command for each of these, sent at once; the answers in this order.
  Result<std::vector<nlohmann::json>> RunEach(const std::string& command,
                                              const std::vector<nlohmann::json>& arguments);

  // Has the machine run, whatever it was stopped for. A save that is still under way is given up
  // first: its end would stop the machine again. kFailed: it does not run.
  Result<void> GoOn();

  // "running", "paused", "postmigrate", …
  Result<std::string> Status();

  // Gives QEMU an open file, under a name for the commands that follow.
  Result<void> GiveFile(const std::string& name, const UniqueFd& file);

  // Has the devices' state written to, or read from, that file, to its end. kCorrupt: it cannot be
  // loaded. `memory_in_file`: the guest's memory is in its own file, and not in this one.
  enum class Memory : std::uint8_t { kInItsFile, kInTheState };
  Result<void> SaveTo(const UniqueFd& file, Memory memory);
  Result<void> LoadFrom(const UniqueFd& file, Memory memory);

 private:
  explicit Qmp(JsonChannel channel) : channel_(std::move(channel)) {}
  Result<void> Migrate(const std::string& command, const UniqueFd& file, Memory memory);
  Result<nlohmann::json> MigrationStatus();
  Result<void> CancelMigration();

  JsonChannel channel_;
};

}  // namespace veneer
