// What the options of several commands have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "app/commands.h"
#include "base/result.h"

namespace veneer {

struct CommandText {
  const char* name;
  const char* description;
  const char* examples = "";  // lines for the end of its help
  bool hidden = false;        // not in the help of its group
};

// `fill` adds what the command takes, and is called where it is named: what all commands take is
// more than half of the instructions of a start.
inline void AddCommand(const Commands& commands, const CommandText& text,
                       const std::function<void(CLI::App&, Command&)>& fill) {
  CLI::App& added = *commands.app.add_subcommand(text.name, text.description);
  added.fallthrough();
  added.footer(std::string());  // not that of the program
  if (text.hidden) added.group("");
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): a std::function frees what it has
  added.preparse_callback(
      [&added, &chosen = commands.chosen, examples = text.examples, fill](std::size_t /*left*/) {
        if (*examples != '\0') added.footer(std::string("\nExamples:\n") + examples);
        fill(added, chosen);
      });
}

// A command that is a group of others, which `fill` adds.
inline void AddGroup(const Commands& commands, const CommandText& text,
                     const std::function<void(const Commands&)>& fill) {
  AddCommand(commands, text, [fill](CLI::App& group, Command& chosen) {
    group.require_subcommand(1);
    fill({.app = group, .chosen = chosen});
  });
}

// Has `run` run with what was parsed into `arguments`, where this command is named.
template <class Arguments>
void SetCommand(CLI::App& app, const std::shared_ptr<Arguments>& arguments,
                Result<int> (*run)(const GlobalOptions&, const Arguments&), Command& chosen) {
  app.callback([arguments, run, &chosen] {
    chosen = [arguments, run](const GlobalOptions& options) { return run(options, *arguments); };
  });
}

// A command that takes nothing.
inline void AddPlainCommand(const Commands& commands, const CommandText& text,
                            Result<int> (*run)(const GlobalOptions&)) {
  AddCommand(commands, text, [run](CLI::App& app, Command& chosen) {
    app.callback([run, &chosen] { chosen = run; });
  });
}

// What a command that takes one path, and no options of its own, runs.
using OnePathCommand = Result<int> (*)(const GlobalOptions&, const std::string&);

struct OnePath {
  const char* name;
  const char* description;
};

inline void AddOnePathCommand(const Commands& commands, const CommandText& text,
                              const OnePath& path, OnePathCommand run) {
  AddCommand(commands, text, [path, run](CLI::App& app, Command& chosen) {
    const auto argument = std::make_shared<std::string>();
    app.add_option(path.name, *argument, path.description)->type_name("")->required();
    SetCommand(app, argument, run, chosen);
  });
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
