// How templates and sandboxes are shown to programs: the JSON of the command line and of the API.
//
// Field names are relied on by scripts; docs/api.md lists them. Reads the stores' headers and sizes
// of files: blocks on the file system. Remembers the templates' names of the moment it was made.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "catalog/catalog.h"
#include "catalog/records.h"
#include "sandbox/layout.h"
#include "sandbox/snapshot.h"

namespace veneer {

// "2026-11-24T00:12:31Z"
std::string FormatTimestamp(Timestamp time);

// "running", "saved", "ended": of the machine of a sandbox that has one.
std::string_view MachineState(const SandboxRecord& sandbox);

// {"store":1.2,"attach":8.3}
nlohmann::ordered_json TimingsJson(const std::vector<StepTiming>& timings);

class JsonViews {
 public:
  // Reads the names of all templates once.
  static Result<JsonViews> Of(const Catalog& catalog, const Layout& layout);

  [[nodiscard]] nlohmann::ordered_json Json(const SandboxRecord& sandbox) const;
  [[nodiscard]] nlohmann::ordered_json Json(const TemplateRecord& record) const;
  [[nodiscard]] nlohmann::ordered_json Json(const Snapshot& snapshot) const;

  // What a sandbox's store takes and holds, as far as it can be read: a missing one has nothing.
  struct Usage {
    Bytes used;
    Bytes changed;
  };
  [[nodiscard]] Usage UsageOf(const SandboxRecord& sandbox) const;
  [[nodiscard]] Bytes UsedBy(const TemplateRecord& record) const;
  // Its name; its id where it has gone meanwhile.
  [[nodiscard]] std::string TemplateOf(const SandboxRecord& sandbox) const;

 private:
  JsonViews(const Layout& layout, std::map<std::string, std::string> names)
      : layout_(layout), template_names_(std::move(names)) {}

  const Layout& layout_;
  std::map<std::string, std::string> template_names_;  // by id
};

// What is left to say of one that is gone.
nlohmann::ordered_json DestroyedJson(const SandboxRecord& sandbox);
nlohmann::ordered_json RemovedJson(const TemplateRecord& record);

}  // namespace veneer
