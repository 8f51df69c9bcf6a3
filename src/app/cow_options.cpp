#include "app/cow_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/cow_commands.h"

namespace veneer {
namespace {

CLI::App& AddCommand(CLI::App& group, const char* name, const char* description,
                     const char* examples) {
  CLI::App* added = group.add_subcommand(name, description);
  added->fallthrough();
  if (*examples != '\0') added->footer(std::string("\nExamples:\n") + examples);
  return *added;
}

void AddStore(CLI::App& app, std::string& store) {
  app.add_option("FILE", store, "The store (copy-on-write file)")->type_name("")->required();
}

CLI::Option* AddOrigin(CLI::App& app, std::string& origin) {
  return app.add_option("--origin", origin, "The template's image: a file or a block device")
      ->type_name("IMAGE");
}

void AddCreate(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(
      group, "create", "Make a new, empty store for an origin",
      "  veneer cow create sandbox.cow --origin debian.img\n"
      "  veneer cow create small.cow --origin debian.img --chunk-size 64K --max-change 512M");
  const auto arguments = std::make_shared<CowCreateArguments>();
  AddStore(app, arguments->store);
  AddOrigin(app, arguments->origin)->required();
  app.add_option("--chunk-size", arguments->chunk_size,
                 "The unit that is copied: a power of two from 4K to 1M")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--max-change", arguments->max_change,
                 "The most that may be rewritten (default: all of the origin)")
      ->type_name("SIZE");
  app.callback([arguments, &command] {
    command = [arguments](const GlobalOptions& options) { return CowCreate(options, *arguments); };
  });
}

using OneFileCommand = Result<int> (*)(const GlobalOptions&, const std::string&);

// A command with one path and no options of its own.
void SetOneFileCommand(CLI::App& app, const std::shared_ptr<std::string>& path, OneFileCommand run,
                       Command& command) {
  app.callback([path, run, &command] {
    command = [path, run](const GlobalOptions& options) { return run(options, *path); };
  });
}

void AddInfo(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "info", "Header, exceptions, fill and bytes on disk of a store",
                             "  veneer cow info sandbox.cow\n"
                             "  veneer cow info sandbox.cow --json | jq .fill");
  const auto store = std::make_shared<std::string>();
  AddStore(app, *store);
  SetOneFileCommand(app, store, CowInfo, command);
}

void AddList(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "list", "The changed runs, one a line: origin_chunk store_chunk count",
                 "  veneer cow list sandbox.cow\n"
                 "  veneer cow list sandbox.cow --json | jq 'map(.count) | add'");
  const auto store = std::make_shared<std::string>();
  AddStore(app, *store);
  SetOneFileCommand(app, store, CowList, command);
}

void AddCheck(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "check",
                             "Check every structural rule of a store; exit status 6 with faults",
                             "  veneer cow check sandbox.cow\n"
                             "  veneer cow check sandbox.cow --origin debian.img");
  const auto store = std::make_shared<std::string>();
  const auto origin = std::make_shared<std::optional<std::string>>();
  AddStore(app, *store);
  app.add_option("--origin", *origin, "Check against this image's size too")->type_name("IMAGE");
  app.callback([store, origin, &command] {
    command = [store, origin](const GlobalOptions& options) {
      return CowCheck(options, *store, *origin);
    };
  });
}

void AddFlatten(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(
      group, "flatten", "Merge origin and store into a plain image",
      "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img\n"
      "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img --force --json");
  const auto arguments = std::make_shared<CowFlattenArguments>();
  AddStore(app, arguments->store);
  AddOrigin(app, arguments->origin)->required();
  app.add_option("--output", arguments->output, "The image to make")->type_name("OUT")->required();
  app.add_option("--method", arguments->method,
                 "How: auto, reflink (share blocks) or copy (never share)")
      ->type_name("METHOD")
      ->capture_default_str();
  app.add_flag("--force", arguments->force, "Replace OUT where it exists");
  app.callback([arguments, &command] {
    command = [arguments](const GlobalOptions& options) { return CowFlatten(options, *arguments); };
  });
}

void AddAttachArguments(CLI::App& app, CowAttachArguments& arguments) {
  AddStore(app, arguments.store);
  AddOrigin(app, arguments.origin)->required();
  app.add_option("--at", arguments.at, "Becomes the disk, as a regular file; made where missing")
      ->type_name("PATH")
      ->required();
  app.add_flag("--read-only", arguments.read_only, "Attach for reading only");
  app.add_flag("--block", arguments.block, "Put a block device (a loop device) on it too");
}

void AddAttach(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "attach", "Attach a disk, and print where it is",
                 "  veneer cow attach sandbox.cow --origin debian.img --at /run/sandbox.img\n"
                 "  mount \"$(veneer cow attach sandbox.cow --origin debian.img --at /run/s.img "
                 "--block)\" /mnt");
  const auto arguments = std::make_shared<CowAttachArguments>();
  AddAttachArguments(app, *arguments);
  app.add_option("--backend", arguments->backend, "user (this program's engine) or dm (the kernel)")
      ->type_name("BACKEND")
      ->capture_default_str();
  app.callback([arguments, &command] {
    command = [arguments](const GlobalOptions& options) { return CowAttach(options, *arguments); };
  });
}

void AddDetach(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "detach", "Flush and detach a disk",
                             "  veneer cow detach /run/sandbox.img\n"
                             "  veneer cow detach /dev/loop3");
  const auto path = std::make_shared<std::string>();
  app.add_option("PATH", *path, "What attach printed")->type_name("")->required();
  SetOneFileCommand(app, path, CowDetach, command);
}

void AddServe(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "serve", "Serve an attached disk (started by attach)", "");
  app.group("");  // not in the help: attach starts it
  const auto arguments = std::make_shared<CowAttachArguments>();
  const auto ready_fd = std::make_shared<int>(-1);
  AddAttachArguments(app, *arguments);
  app.add_option("--ready-fd", *ready_fd, "Descriptor on which to say that the disk is there")
      ->type_name("N")
      ->required();
  app.callback([arguments, ready_fd, &command] {
    command = [arguments, ready_fd](const GlobalOptions& options) {
      return CowServe(options, *arguments, *ready_fd);
    };
  });
}

}  // namespace

void AddCowCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.add_subcommand("cow", "Work on stores (copy-on-write files) directly");
  group->fallthrough();
  group->require_subcommand(1);
  group->footer(
      "\nExamples:\n"
      "  veneer cow create sandbox.cow --origin debian.img\n"
      "  veneer cow attach sandbox.cow --origin debian.img --at /run/sandbox.img\n"
      "  veneer cow detach /run/sandbox.img\n"
      "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img");
  AddCreate(*group, command);
  AddInfo(*group, command);
  AddList(*group, command);
  AddCheck(*group, command);
  AddFlatten(*group, command);
  AddAttach(*group, command);
  AddDetach(*group, command);
  AddServe(*group, command);
}

}  // namespace veneer
