#include "app/host_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command_parts.h"
#include "app/doctor/doctor.h"
#include "app/gc.h"

namespace veneer {
namespace {

void AddGc(CLI::App& app, Command& command) {
  CLI::App& gc = AddCommand(app, "gc",
                            "Remove what killed commands and dead servers left, and nothing that "
                            "is attached; exit status "
                            "4 if some of it is in use",
                            "  veneer gc --dry-run\n"
                            "  veneer gc --json | jq '.removed | length'");
  const auto arguments = std::make_shared<GcArguments>();
  gc.add_flag("--dry-run", arguments->dry_run, "Say what would be removed, and remove nothing");
  SetCommand(gc, arguments, RunGc, command);
}

void AddDoctor(CLI::App& app, Command& command) {
  CLI::App& doctor = AddCommand(app, "doctor",
                                "What this host can do, and what to load or install for the rest; "
                                "exit status 7 where no disk "
                                "can be attached",
                                "  veneer doctor\n"
                                "  veneer doctor --json | jq .backends");
  doctor.callback([&command] { command = RunDoctor; });
}

}  // namespace

void AddHostCommands(CLI::App& app, Command& command) {
  AddGc(app, command);
  AddDoctor(app, command);
}

}  // namespace veneer
