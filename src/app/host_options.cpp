#include "app/host_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command_parts.h"
#include "app/daemon.h"
#include "app/doctor/doctor.h"
#include "app/events.h"
#include "app/gc.h"

namespace veneer {
namespace {

void AddGc(const Commands& commands) {
  AddCommand(commands,
             {.name = "gc",
              .description = "Remove what killed commands and dead servers left, and nothing that "
                             "is attached; exit status "
                             "4 if some of it is in use",
              .examples = "  veneer gc --dry-run\n"
                          "  veneer gc --json | jq '.removed | length'"},
             [](CLI::App& gc, Command& chosen) {
               const auto arguments = std::make_shared<GcArguments>();
               gc.add_flag("--dry-run", arguments->dry_run,
                           "Say what would be removed, and remove nothing");
               SetCommand(gc, arguments, RunGc, chosen);
             });
}

void AddDoctor(const Commands& commands) {
  AddPlainCommand(
      commands,
      {.name = "doctor",
       .description = "What this host can do, and what to load or install for the rest; "
                      "exit status 7 where no disk "
                      "can be attached",
       .examples = "  veneer doctor\n"
                   "  veneer doctor --json | jq .backends"},
      RunDoctor);
}

void AddDaemon(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "daemon",
       .description = "Offer the HTTP API, until it is told to stop",
       .examples = "  veneer daemon\n"
                   "  veneer daemon --listen unix:/run/veneer/api.sock\n"
                   "  veneer daemon --listen 127.0.0.1:8080    "
                   "# its page: http://127.0.0.1:8080/"},
      [](CLI::App& daemon, Command& chosen) {
        const auto arguments = std::make_shared<DaemonArguments>();
        daemon
            .add_option("--listen", arguments->listen,
                        "unix:PATH, 127.0.0.1:PORT or [::1]:PORT; may stand several times; "
                        "RUN/api.sock otherwise")
            ->type_name("ADDRESS");
        daemon
            .add_option("--import-dir", arguments->import_directory,
                        "Directory whose files may be imported by their names")
            ->type_name("DIR");
        daemon
            .add_option(
                "--token-file", arguments->token_file,
                "Holds what TCP clients must send; made where it is missing; ROOT/api.token "
                "otherwise")
            ->type_name("FILE");
        daemon
            .add_option("--reserve", arguments->reserve,
                        "What stays free on the file system: a part (5%) or a size")
            ->type_name("SIZE")
            ->capture_default_str();
        daemon
            .add_option(
                "--hold-below", arguments->hold_below,
                "With less room than this, writers wait until there is more: a part (2%) or a "
                "size; two fifths of the reserve otherwise")
            ->type_name("SIZE");
        daemon
            .add_option("--upload-limit", arguments->upload_limit, "The largest image to be sent")
            ->type_name("SIZE")
            ->capture_default_str();
        daemon.add_option("--max-connections", arguments->connections, "More are turned away")
            ->type_name("N")
            ->check(CLI::Range(1, 100000))
            ->capture_default_str();
        daemon
            .add_option("--patience", arguments->patience, "Seconds until a slow client is cut off")
            ->type_name("SECONDS")
            ->check(CLI::Range(1, 3600))
            ->capture_default_str();
        daemon
            .add_option("--watch", arguments->watch,
                        "Seconds between two looks at disks, stores, room and templates")
            ->type_name("SECONDS")
            ->check(CLI::Range(1, 3600))
            ->capture_default_str();
        SetCommand(daemon, arguments, RunDaemon, chosen);
      });
}

void AddEvents(const Commands& commands) {
  AddCommand(commands,
             {.name = "events",
              .description = "Print what happens at the daemon, as it happens, until it ends",
              .examples = "  veneer events\n"
                          "  veneer events --json | jq -c 'select(.event == \"watch\")'"},
             [](CLI::App& events, Command& chosen) {
               const auto arguments = std::make_shared<EventsArguments>();
               events
                   .add_option("--connect", arguments->connect,
                               "The daemon's socket; RUN/api.sock otherwise")
                   ->type_name("PATH");
               events
                   .add_option("--after", arguments->after, "Go on behind the event with this id")
                   ->type_name("ID")
                   ->check([](const std::string& id) {
                     return id.find_first_of("\r\n") == std::string::npos ? "" : "it is no id";
                   });
               SetCommand(events, arguments, RunEvents, chosen);
             });
}

}  // namespace

void AddHostCommands(const Commands& commands) {
  AddGc(commands);
  AddDoctor(commands);
  AddDaemon(commands);
  AddEvents(commands);
}

}  // namespace veneer
