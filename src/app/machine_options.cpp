#include "app/machine_options.h"

#include <array>
#include <memory>
#include <string>

#include "app/command_parts.h"
#include "app/machine_commands.h"

namespace veneer {
namespace {

// From its first word on all is the command's, what looks like an option of ours, too. CLI11 asks a
// validator when it has found the word, and before it looks at the next one.
void AddCommandLine(CLI::App& app, const char* first, const char* description,
                    ExecArguments& arguments) {
  app.add_option(first, arguments.sandbox, description)->type_name("")->required();
  app.validate_positionals();
  app.add_option("COMMAND", arguments.command, "The program and its arguments, as they are")
      ->type_name("")
      ->required()
      ->expected(1, -1)
      ->check([&app](const std::string&) {
        app.positionals_at_end();
        return std::string();
      });
  app.add_option("--env", arguments.environment, "A variable for it; may be given several times")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option("--cwd", arguments.directory, "Its working directory; the user's home otherwise")
      ->type_name("DIR");
  app.add_option("--user", arguments.user, "Who it runs as; root otherwise")->type_name("USER");
  app.add_option("--timeout", arguments.timeout, "Ends it after so long; the status is 124 then")
      ->type_name("SECONDS");
  app.add_option("--output-limit", arguments.output_limit, "Output beyond this is dropped")
      ->type_name("SIZE");
  app.add_flag("--stdin,-i", arguments.input,
               "Pass on this command's stdin; it has none otherwise");
}

void AddExec(const Commands& commands) {
  AddCommand(commands,
             {.name = "exec",
              .description = "Run a command in a sandbox's machine; the exit status is its own",
              .examples = "  veneer exec web-1 uname -a\n"
                          "  tar c . | veneer exec web-1 --stdin --cwd /srv -- tar x\n"
                          "  veneer exec web-1 --timeout 10 --user nobody sh -c 'sleep 60'"},
             [](CLI::App& exec, Command& chosen) {
               const auto arguments = std::make_shared<ExecArguments>();
               AddCommandLine(exec, "ID", "The sandbox: its id, name, or the beginning of its id",
                              *arguments);
               SetCommand(exec, arguments, SandboxExec, chosen);
             });
}

void AddRun(const Commands& commands) {
  AddCommand(commands,
             {.name = "run",
              .description =
                  "Boot a new sandbox, run a command in it, and destroy it; the exit status is the "
                  "command's",
              .examples = "  veneer run debian -- cat /etc/debian_version"},
             [](CLI::App& run, Command& chosen) {
               const auto arguments = std::make_shared<RunArguments>();
               AddCommandLine(run, "TEMPLATE", "The template: its name or id", arguments->exec);
               AddMachineOptions(run, arguments->machine);
               SetCommand(run, arguments, TemplateRun, chosen);
             });
}

void AddLogs(const Commands& commands) {
  AddCommand(commands,
             {.name = "logs",
              .description = "Show what the console of a sandbox's machine said last",
              .examples = "  veneer logs web-1\n"
                          "  veneer logs -f web-1"},
             [](CLI::App& logs, Command& chosen) {
               const auto arguments = std::make_shared<LogsArguments>();
               logs.add_option("ID", arguments->sandbox,
                               "The sandbox: its id, name, or the beginning of its id")
                   ->type_name("")
                   ->required();
               logs.add_flag("--follow,-f", arguments->follow, "Go on until its machine ends");
               SetCommand(logs, arguments, SandboxLogs, chosen);
             });
}

void AddKeep(const Commands& commands) {
  AddCommand(
      commands, {.name = "keep", .description = "Keep a machine"},
      [](CLI::App& keep, Command& chosen) {
        const auto arguments = std::make_shared<KeepArguments>();
        keep.add_option("DIRECTORY", arguments->directory, "Its files")->type_name("")->required();
        keep.add_option("--ready-fd", arguments->ready_fd,
                        "Descriptor on which to say that it runs")
            ->type_name("N")
            ->required();
        SetCommand(keep, arguments, MachineKeep, chosen);
      });
}

}  // namespace

std::array<CLI::Option*, 3> AddMachineOptions(CLI::App& app, MachineArguments& arguments) {
  return {
      app.add_option("--memory", arguments.memory, "Of the machine")
          ->type_name("SIZE")
          ->capture_default_str(),
      app.add_option("--cpus", arguments.cpus, "Of the machine")
          ->type_name("N")
          ->capture_default_str(),
      app.add_option("--net", arguments.network,
                     "Of the machine: none, or user (outbound connections only)")
          ->type_name("NET")
          ->capture_default_str(),
  };
}

void AddMachineCommands(const Commands& commands) {
  AddExec(commands);
  AddRun(commands);
  AddLogs(commands);
  AddGroup(
      commands,
      {.name = "vm", .description = "Keep a machine (started by create --boot)", .hidden = true},
      AddKeep);
}

}  // namespace veneer
