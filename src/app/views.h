// How templates and sandboxes are shown: as JSON and as text.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/global_options.h"
#include "base/result.h"
#include "base/units.h"
#include "catalog/catalog.h"
#include "catalog/records.h"
#include "sandbox/layout.h"

namespace veneer {

// "2026-11-24T00:12:31Z"
std::string FormatTimestamp(Timestamp time);

class Views {
 public:
  // Reads the names of all templates once.
  static Result<Views> Of(const Catalog& catalog, const Layout& layout);

  [[nodiscard]] nlohmann::ordered_json Json(const SandboxRecord& sandbox) const;
  [[nodiscard]] nlohmann::ordered_json Json(const TemplateRecord& record) const;

  [[nodiscard]] std::string Text(const SandboxRecord& sandbox) const;
  [[nodiscard]] std::string Text(const TemplateRecord& record) const;

  [[nodiscard]] std::string Table(const std::vector<SandboxRecord>& sandboxes) const;
  [[nodiscard]] std::string Table(const std::vector<TemplateRecord>& records) const;

 private:
  Views(const Layout& layout, std::map<std::string, std::string> names)
      : layout_(layout), template_names_(std::move(names)) {}

  // What a sandbox's store takes and holds, as far as it can be read: a missing one has nothing.
  struct Usage {
    Bytes used;
    Bytes changed;
  };
  [[nodiscard]] Usage UsageOf(const SandboxRecord& sandbox) const;
  [[nodiscard]] std::string TemplateOf(const SandboxRecord& sandbox) const;
  [[nodiscard]] Bytes UsedBy(const TemplateRecord& record) const;

  const Layout& layout_;
  std::map<std::string, std::string> template_names_;  // by id
};

class Session;
// A template, as `template show` has it.
Result<int> PrintTemplate(const GlobalOptions& options, Session& session,
                          const TemplateRecord& record);

// What the listing commands print where there is no state directory: no rows.
Result<int> PrintNone(const GlobalOptions& options);
// The same of the commands that show one object: kNotFound.
Error NoState(const GlobalOptions& options);

// {"store":1.2,"attach":8.3}
nlohmann::ordered_json TimingsJson(const std::vector<StepTiming>& timings);

}  // namespace veneer
