// The options of the commands about attached disks.
#include "app/command_parts.h"
#include "app/cow_commands.h"
#include "app/cow_options.h"

namespace veneer {
namespace {

void AddDiskArguments(CLI::App& app, CowAttachArguments& arguments) {
  AddStore(app, arguments.store);
  AddOrigin(app, arguments.origin);
  app.add_option("--at", arguments.at, "Becomes the disk: a regular file, made where missing")
      ->type_name("PATH");
  app.add_flag("--read-only", arguments.read_only, "Attach for reading only");
  app.add_flag("--block", arguments.block, "Put a block device (a loop device) on it too");
}

void AddExport(CLI::App& app, std::string& way) {
  app.add_option("--export", way, "fuse: PATH becomes a file; nbd: PATH becomes a server's socket")
      ->type_name("WAY")
      ->capture_default_str();
}

void AddAttach(const Commands& commands) {
  AddCommand(commands,
             {.name = "attach",
              .description = "Attach a disk, and print where it is",
              .examples =
                  "  veneer cow attach sandbox.cow --origin debian.img --at /run/sandbox.img\n"
                  "  mount \"$(veneer cow attach sandbox.cow --origin debian.img --at /run/s.img "
                  "--block)\" /mnt\n"
                  "  nbdinfo \"$(veneer cow attach sandbox.cow --origin debian.img --at /run/s.nbd "
                  "--export nbd)\""},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<CowAttachArguments>();
               AddDiskArguments(app, *arguments);
               app.add_option("--name", arguments->name,
                              "With --backend dm: the disk is /dev/mapper/veneer-NAME")
                   ->type_name("NAME");
               app.add_option("--backend", arguments->backend,
                              "user (this program's engine) or dm (the kernel)")
                   ->type_name("BACKEND")
                   ->capture_default_str();
               AddExport(app, arguments->export_way);
               SetCommand(app, arguments, CowAttach, chosen);
             });
}

void AddDetach(const Commands& commands) {
  AddOnePathCommand(commands,
                    {.name = "detach",
                     .description = "Flush and detach a disk",
                     .examples = "  veneer cow detach /run/sandbox.img\n"
                                 "  veneer cow detach /dev/loop3"},
                    {.name = "PATH", .description = "What attach printed"}, CowDetach);
}

constexpr OnePath kDiskOrStore{
    .name = "PATH", .description = "What attach printed, or a store that is not attached"};

void AddFill(const Commands& commands) {
  AddOnePathCommand(commands,
                    {.name = "fill",
                     .description = "Tell how full the store of a disk is",
                     .examples = "  veneer cow fill /run/sandbox.img\n"
                                 "  veneer cow fill sandbox.cow --json | jq .fill"},
                    kDiskOrStore, CowFill);
}

void AddGrow(const Commands& commands) {
  AddCommand(commands,
             {.name = "grow",
              .description = "Let more of a disk be changed, while it is in use or not",
              .examples = "  veneer cow grow /run/sandbox.img\n"
                          "  veneer cow grow sandbox.cow --max-change 2G"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<CowGrowArguments>();
               app.add_option(kDiskOrStore.name, arguments->path, kDiskOrStore.description)
                   ->type_name("")
                   ->required();
               app.add_option("--max-change", arguments->max_change,
                              "The most that may be rewritten, in all (default: all of the disk)")
                   ->type_name("SIZE");
               SetCommand(app, arguments, CowGrow, chosen);
             });
}

void AddServe(const Commands& commands) {
  AddCommand(commands,
             {.name = "serve",
              .description = "Serve an attached disk (started by attach)",
              .hidden = true},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<CowServeArguments>();
               AddDiskArguments(app, arguments->disk);
               AddExport(app, arguments->disk.export_way);
               app.add_option("--ready-fd", arguments->ready_fd,
                              "Descriptor on which to say that the disk is there")
                   ->type_name("N")
                   ->required();
               SetCommand(app, arguments, CowServe, chosen);
             });
}

}  // namespace

void AddCowDiskCommands(const Commands& commands) {
  AddAttach(commands);
  AddFill(commands);
  AddGrow(commands);
  AddDetach(commands);
  AddServe(commands);
}

}  // namespace veneer
