#include "app/cow_options.h"

#include "app/command_parts.h"
#include "app/cow_commands.h"

namespace veneer {
namespace {

void AddCreate(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "create",
       .description = "Make a new, empty store for an origin",
       .examples =
           "  veneer cow create sandbox.cow --origin debian.img\n"
           "  veneer cow create large.cow --origin debian.img --size 20G\n"
           "  veneer cow create small.cow --origin debian.img --chunk-size 64K --max-change 512M"},
      [](CLI::App& app, Command& chosen) {
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
        SetCommand(app, arguments, CowCreate, chosen);
      });
}

void AddInfo(const Commands& commands) {
  AddOnePathCommand(commands,
                    {.name = "info",
                     .description = "Header, exceptions, fill and bytes on disk of a store",
                     .examples = "  veneer cow info sandbox.cow\n"
                                 "  veneer cow info sandbox.cow --json | jq .fill"},
                    kStorePath, CowInfo);
}

void AddList(const Commands& commands) {
  AddOnePathCommand(commands,
                    {.name = "list",
                     .description = "The changed runs, one a line: origin_chunk store_chunk count",
                     .examples = "  veneer cow list sandbox.cow\n"
                                 "  veneer cow list sandbox.cow --json | jq 'map(.count) | add'"},
                    kStorePath, CowList);
}

void AddCheck(const Commands& commands) {
  AddCommand(commands,
             {.name = "check",
              .description = "Check every structural rule of a store; exit status 6 with faults",
              .examples = "  veneer cow check sandbox.cow\n"
                          "  veneer cow check sandbox.cow --origin debian.img"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<CowCheckArguments>();
               AddStore(app, arguments->store);
               app.add_option("--origin", arguments->origin, "Check against this image's size too")
                   ->type_name("IMAGE");
               SetCommand(app, arguments, CowCheck, chosen);
             });
}

void AddFlatten(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "flatten",
       .description = "Merge origin and store into a plain image",
       .examples = "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img\n"
                   "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img "
                   "--force --json"},
      [](CLI::App& app, Command& chosen) {
        const auto arguments = std::make_shared<CowFlattenArguments>();
        AddStore(app, arguments->store);
        AddOrigin(app, arguments->origin);
        app.add_option("--output", arguments->output, "The image to make")
            ->type_name("OUT")
            ->required();
        app.add_option("--method", arguments->method,
                       "How: auto, reflink (share blocks) or copy (never share)")
            ->type_name("METHOD")
            ->capture_default_str();
        app.add_flag("--force", arguments->force, "Replace OUT where it exists");
        SetCommand(app, arguments, CowFlatten, chosen);
      });
}

void AddStores(const Commands& commands) {
  AddCreate(commands);
  AddInfo(commands);
  AddList(commands);
  AddCheck(commands);
  AddFlatten(commands);
  AddCowDiskCommands(commands);
}

}  // namespace

void AddCowCommands(const Commands& commands) {
  AddGroup(
      commands,
      {.name = "cow",
       .description = "Work on stores (copy-on-write files) directly",
       .examples = "  veneer cow create sandbox.cow --origin debian.img\n"
                   "  veneer cow attach sandbox.cow --origin debian.img --at /run/sandbox.img\n"
                   "  veneer cow detach /run/sandbox.img\n"
                   "  veneer cow flatten sandbox.cow --origin debian.img --output merged.img"},
      AddStores);
}

}  // namespace veneer
