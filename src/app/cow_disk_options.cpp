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

void AddAttach(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "attach", "Attach a disk, and print where it is",
                 "  veneer cow attach sandbox.cow --origin debian.img --at /run/sandbox.img\n"
                 "  mount \"$(veneer cow attach sandbox.cow --origin debian.img --at /run/s.img "
                 "--block)\" /mnt\n"
                 "  nbdinfo \"$(veneer cow attach sandbox.cow --origin debian.img --at /run/s.nbd "
                 "--export nbd)\"");
  const auto arguments = std::make_shared<CowAttachArguments>();
  AddDiskArguments(app, *arguments);
  app.add_option("--name", arguments->name,
                 "With --backend dm: the disk is /dev/mapper/veneer-NAME")
      ->type_name("NAME");
  app.add_option("--backend", arguments->backend, "user (this program's engine) or dm (the kernel)")
      ->type_name("BACKEND")
      ->capture_default_str();
  AddExport(app, arguments->export_way);
  SetCommand(app, arguments, CowAttach, command);
}

void AddDetach(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "detach", "Flush and detach a disk",
                             "  veneer cow detach /run/sandbox.img\n"
                             "  veneer cow detach /dev/loop3");
  AddOnePathCommand(app, {.name = "PATH", .description = "What attach printed"}, CowDetach,
                    command);
}

constexpr OnePath kDiskOrStore{
    .name = "PATH", .description = "What attach printed, or a store that is not attached"};

void AddFill(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "fill", "Tell how full the store of a disk is",
                             "  veneer cow fill /run/sandbox.img\n"
                             "  veneer cow fill sandbox.cow --json | jq .fill");
  AddOnePathCommand(app, kDiskOrStore, CowFill, command);
}

void AddGrow(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "grow", "Let more of a disk be changed, while it is in use or not",
                 "  veneer cow grow /run/sandbox.img\n"
                 "  veneer cow grow sandbox.cow --max-change 2G");
  const auto arguments = std::make_shared<CowGrowArguments>();
  app.add_option(kDiskOrStore.name, arguments->path, kDiskOrStore.description)
      ->type_name("")
      ->required();
  app.add_option("--max-change", arguments->max_change,
                 "The most that may be rewritten, in all (default: all of the disk)")
      ->type_name("SIZE");
  SetCommand(app, arguments, CowGrow, command);
}

void AddServe(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "serve", "Serve an attached disk (started by attach)", "");
  app.group("");  // not in the help: attach starts it
  const auto arguments = std::make_shared<CowServeArguments>();
  AddDiskArguments(app, arguments->disk);
  AddExport(app, arguments->disk.export_way);
  app.add_option("--ready-fd", arguments->ready_fd,
                 "Descriptor on which to say that the disk is there")
      ->type_name("N")
      ->required();
  SetCommand(app, arguments, CowServe, command);
}

}  // namespace

void AddCowDiskCommands(CLI::App& group, Command& command) {
  AddAttach(group, command);
  AddFill(group, command);
  AddGrow(group, command);
  AddDetach(group, command);
  AddServe(group, command);
}

}  // namespace veneer
