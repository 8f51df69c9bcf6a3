#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "app/commands.h"
#include "app/cow_options.h"
#include "app/demo/demo_options.h"
#include "app/global_options.h"
#include "app/host_options.h"
#include "app/machine_options.h"
#include "app/output.h"
#include "app/sandbox_options.h"

namespace veneer {
namespace {

constexpr std::string_view kFooter =
    "\nExit status: 0 done, 1 failed, 2 usage, 3 no such object, 4 conflict, 5 no space,\n"
    "6 corrupt or mismatched data, 7 not supported on this host.\n"
    "\nExamples:\n"
    "  veneer template import debian debian.img\n"
    "  veneer create debian --name web-1\n"
    "  veneer fork web-1 --count 10\n"
    "  veneer cow --help\n"
    "  veneer demo";

// A guess: the style must be known before parsing is done, which may be what fails.
OutputStyle StyleWanted(std::span<char*> arguments) {
  for (const std::string_view argument : arguments) {
    if (argument == "--") break;
    if (argument == "--json") return OutputStyle::kJson;
  }
  return OutputStyle::kText;
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options, std::string& log_level) {
  app.add_flag_callback(
      "--json", [&options] { options.style = OutputStyle::kJson; },
      "Print one JSON value; errors as JSON on stderr");
  app.add_option("--root", options.root, "Directory of the state")
      ->type_name("DIR")
      ->envname("VENEER_ROOT")
      ->capture_default_str();
  app.add_option("--run", options.run, "Directory of sockets and mounts")
      ->type_name("DIR")
      ->envname("VENEER_RUN")
      ->capture_default_str();
  app.add_option("--log-level", log_level,
                 "Tell on stderr what is done to sandboxes, one JSON line each: debug, info, "
                 "warning, error or off")
      ->type_name("LEVEL")
      ->envname("VENEER_LOG")
      ->capture_default_str();
}

Result<int> PrintVersion(const GlobalOptions& options) {
  if (options.style == OutputStyle::kJson) {
    VENEER_TRY(PrintJson({{"version", VENEER_VERSION}}));
  } else {
    VENEER_TRY(Print("veneer " VENEER_VERSION "\n"));
  }
  return 0;
}

Result<int> PrintHelp(const std::string& help) {
  VENEER_TRY(Print(help));
  return 0;
}

Error UsageError(const CLI::App& app, std::string what) {
  const CLI::App* deepest = &app;
  std::string name = "veneer";
  while (!deepest->get_subcommands().empty()) {
    deepest = deepest->get_subcommands().front();
    name += " " + deepest->get_name();
  }
  return Error{ErrorKind::kUsage, 0, std::move(what), "see '" + name + " --help'"};
}

void AddAll(const Commands& commands) {
  AddTemplateCommands(commands);
  AddSandboxCommands(commands);
  AddMachineCommands(commands);
  AddCowCommands(commands);
  AddHostCommands(commands);
  AddDemoCommand(commands);
}

// Parses and runs. CLI11's exceptions stop here.
Result<int> ParseAndRun(std::span<char*> arguments, OutputStyle& style) {
  CLI::App app("Veneer: writable root disks for sandboxes, out of one shared template.", "veneer");
  GlobalOptions options;
  std::string log_level = "off";
  Command command;
  bool version = false;
  app.footer(std::string(kFooter));
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.add_flag("--version", version, "Print the version");
  AddGlobalOptions(app, options, log_level);
  AddAll({.app = app, .chosen = command});
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::CallForHelp&) {
    return PrintHelp(app.help());
  } catch (const CLI::ExtrasError&) {
    // CLI11's own text has them in reverse.
    return Fail(UsageError(app, "unexpected: " + app.remaining(true).front()));
  } catch (const CLI::ParseError& error) {
    return Fail(UsageError(app, error.what()));
  }
  style = options.style;
  options.log_level = VENEER_TRY(LogLevelNamed(log_level));
  if (version) return PrintVersion(options);
  if (!command) return Fail(UsageError(app, "no command is named"));
  return command(options);
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  OutputStyle style = StyleWanted(arguments);
  try {
    const Result<int> status = ParseAndRun(arguments, style);
    return status ? *status : ReportError(status.error(), style);
  } catch (const std::exception& error) {
    // Only what no code expects: out of memory, a defect in a library.
    return ReportError(Error{ErrorKind::kFailed, 0, error.what(), ""}, style);
  }
}

}  // namespace veneer
