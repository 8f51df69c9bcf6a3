// What the options of several commands have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/global_options.h"
#include "base/result.h"

namespace veneer {

// A command of the group. `examples`: lines for the end of its help; may be empty.
inline CLI::App& AddCommand(CLI::App& group, const char* name, const char* description,
                            const char* examples) {
  CLI::App* added = group.add_subcommand(name, description);
  added->fallthrough();
  if (*examples != '\0') added->footer(std::string("\nExamples:\n") + examples);
  return *added;
}

// Has `run` run with what was parsed into `arguments`, where this command is named.
template <class Arguments>
void SetCommand(CLI::App& app, const std::shared_ptr<Arguments>& arguments,
                Result<int> (*run)(const GlobalOptions&, const Arguments&), Command& command) {
  app.callback([arguments, run, &command] {
    command = [arguments, run](const GlobalOptions& options) { return run(options, *arguments); };
  });
}

// What a command that takes one path, and no options of its own, runs.
using OnePathCommand = Result<int> (*)(const GlobalOptions&, const std::string&);

struct OnePath {
  const char* name;
  const char* description;
};

inline void AddOnePathCommand(CLI::App& app, const OnePath& path, OnePathCommand run,
                              Command& command) {
  const auto argument = std::make_shared<std::string>();
  app.add_option(path.name, *argument, path.description)->type_name("")->required();
  SetCommand(app, argument, run, command);
}

inline constexpr OnePath kStorePath{.name = "FILE",
                                    .description = "The store (copy-on-write file)"};

inline void AddStore(CLI::App& app, std::string& store) {
  app.add_option(kStorePath.name, store, kStorePath.description)->type_name("")->required();
}

inline void AddOrigin(CLI::App& app, std::string& origin) {
  app.add_option("--origin", origin, "The template's image: a file or a block device")
      ->type_name("IMAGE")
      ->required();
}

}  // namespace veneer
