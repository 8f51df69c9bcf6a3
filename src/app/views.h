// How templates and sandboxes are shown: as JSON and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/global_options.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/records.h"
#include "sandbox/json_views.h"
#include "sandbox/layout.h"

namespace veneer {

class Views {
 public:
  // Reads the names of all templates once.
  static Result<Views> Of(const Catalog& catalog, const Layout& layout);

  [[nodiscard]] nlohmann::ordered_json Json(const SandboxRecord& sandbox) const;
  [[nodiscard]] nlohmann::ordered_json Json(const TemplateRecord& record) const;
  [[nodiscard]] nlohmann::ordered_json Json(const Snapshot& snapshot) const;

  [[nodiscard]] std::string Text(const SandboxRecord& sandbox) const;
  [[nodiscard]] std::string Text(const TemplateRecord& record) const;

  [[nodiscard]] std::string Table(const std::vector<SandboxRecord>& sandboxes) const;
  [[nodiscard]] std::string Table(const std::vector<TemplateRecord>& records) const;

 private:
  explicit Views(JsonViews json) : json_(std::move(json)) {}

  JsonViews json_;
};

class Session;
// A template, as `template show` has it.
Result<int> PrintTemplate(const GlobalOptions& options, Session& session,
                          const TemplateRecord& record);

// What the listing commands print where there is no state directory: no rows.
Result<int> PrintNone(const GlobalOptions& options);
// The same of the commands that show one object: kNotFound.
Error NoState(const GlobalOptions& options);

}  // namespace veneer
