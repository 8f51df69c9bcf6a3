#include "app/cow_options.h"

#include "app/command_parts.h"
#include "app/cow_commands.h"

namespace veneer {
namespace {

void AddCreate(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(
      group, "create", "Make a new, empty store for an origin",
      "  veneer cow create sandbox.cow --origin debian.img\n"
      "  veneer cow create large.cow --origin debian.img --size 20G\n"
      "  veneer cow create small.cow --origin debian.img --chunk-size 64K --max-change 512M");
  const auto arguments = std::make_shared<CowCreateArguments>();
  AddStore(app, arguments->store);
  AddOrigin(app, arguments->origin);
  app.add_option("--size", arguments->size,
                 "Of the disk: zeros follow the image (default: the image's size)")
      ->type_name("SIZE");
  app.add_option("--chunk-size", arguments->chunk_size,
                 "The unit that is copied: a power of two from 4K to 1M")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--max-change", arguments->max_change,
                 "The most that may be rewritten (default: all of the disk)")
      ->type_name("SIZE");
  SetCommand(app, arguments, CowCreate, command);
}

void AddInfo(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "info", "Header, exceptions, fill and bytes on disk of a store",
                             "  veneer cow info sandbox.cow\n"
                             "  veneer cow info sandbox.cow --json | jq .fill");
  AddOnePathCommand(app, kStorePath, CowInfo, command);
}

void AddList(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "list", "The changed runs, one a line: origin_chunk store_chunk count",
                 "  veneer cow list sandbox.cow\n"
                 "  veneer cow list sandbox.cow --json | jq 'map(.count) | add'");
  AddOnePathCommand(app, kStorePath, CowList, command);
}

void AddCheck(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "check",
                             "Check every structural rule of a store; exit status 6 with faults",
                             "  veneer cow check sandbox.cow\n"
                             "  veneer cow check sandbox.cow --origin debian.img");
  const auto arguments = std::make_shared<CowCheckArguments>();
  AddStore(app, arguments->store);
  app.add_option("--origin", arguments->origin, "Check against this image's size too")
      ->type_name("IMAGE");
  SetCommand(app, arguments, CowCheck, command);
}

void AddFlatten(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(
      group, "flatten", "Merge origin and store into a plain image",
      "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img\n"
      "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img --force --json");
  const auto arguments = std::make_shared<CowFlattenArguments>();
  AddStore(app, arguments->store);
  AddOrigin(app, arguments->origin);
  app.add_option("--output", arguments->output, "The image to make")->type_name("OUT")->required();
  app.add_option("--method", arguments->method,
                 "How: auto, reflink (share blocks) or copy (never share)")
      ->type_name("METHOD")
      ->capture_default_str();
  app.add_flag("--force", arguments->force, "Replace OUT where it exists");
  SetCommand(app, arguments, CowFlatten, command);
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
  AddCowDiskCommands(*group, command);
}

}  // namespace veneer
