#include "app/sandbox_options.h"

#include <memory>
#include <string>

#include "app/command_parts.h"
#include "app/machine_options.h"
#include "app/sandbox_commands.h"
#include "app/template_build.h"

namespace veneer {
namespace {

constexpr OnePath kSandbox{.name = "ID",
                           .description = "The sandbox: its id, name, or the beginning of its id"};
constexpr OnePath kTemplate{.name = "NAME", .description = "The template: its name or id"};

void AddReserve(CLI::App& app, std::string& reserve) {
  app.add_option("--reserve", reserve, "What stays free on the file system: a part (5%) or a size")
      ->type_name("SIZE")
      ->capture_default_str();
}

void AddOne(CLI::App& app, const OnePath& one, std::string& value) {
  app.add_option(one.name, value, one.description)->type_name("")->required();
}

void AddImport(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(
      group, "import", "Make a template of an image: raw, qcow2, or a tar of a root file system",
      "  veneer template import debian debian.img\n"
      "  veneer template import alpine rootfs.tar.gz --size 1G");
  const auto arguments = std::make_shared<TemplateImportArguments>();
  app.add_option("NAME", arguments->name, "The template's name")->type_name("")->required();
  app.add_option("IMAGE", arguments->image, "The file to import")->type_name("")->required();
  app.add_option("--size", arguments->size, "Of the file system that a tar becomes")
      ->type_name("SIZE");
  app.add_option("--kernel", arguments->kernel, "What it boots: a kernel")->type_name("FILE");
  app.add_option("--initrd", arguments->initrd, "And its initrd")->type_name("FILE");
  app.add_option("--cmdline", arguments->cmdline, "And its arguments")->type_name("TEXT");
  AddReserve(app, arguments->reserve);
  SetCommand(app, arguments, TemplateImport, command);
}

void AddBuild(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "build",
                             "Make a template that boots, of Debian's packages, from this "
                             "machine's APT sources",
                             "  veneer template build debian\n"
                             "  veneer template build web --include nginx,curl --size 4G");
  const auto arguments = std::make_shared<TemplateBuildArguments>();
  app.add_option("NAME", arguments->name, "The template's name")->type_name("")->required();
  app.add_option("--suite", arguments->suite, "Debian's release; this machine's own otherwise")
      ->type_name("NAME");
  app.add_option("--include", arguments->include, "More packages, with commas between")
      ->type_name("PACKAGES")
      ->delimiter(',');
  app.add_option("--size", arguments->size, "Of its file system")
      ->type_name("SIZE")
      ->capture_default_str();
  AddReserve(app, arguments->reserve);
  SetCommand(app, arguments, TemplateBuild, command);
}

void AddSnapshotCreate(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "create", "Make a template of a sandbox, running or paused",
                             "  veneer snapshot create web-1 --name web-ready");
  const auto arguments = std::make_shared<SnapshotCreateArguments>();
  AddOne(app, kSandbox, arguments->sandbox);
  app.add_option("--name", arguments->name, "The new template's name")
      ->type_name("NAME")
      ->required();
  AddReserve(app, arguments->reserve);
  SetCommand(app, arguments, SnapshotCreate, command);
}

void AddListing(CLI::App& group, const char* description, Result<int> (*run)(const GlobalOptions&),
                Command& command) {
  AddCommand(group, "ls", description, "").callback([run, &command] { command = run; });
}

void AddCreate(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "create", "Make a sandbox of a template, with a disk of its own",
                 "  veneer create debian --name web-1\n"
                 "  veneer create debian --size 20G --json | jq -r .path");
  const auto arguments = std::make_shared<CreateArguments>();
  AddOne(app, {.name = "TEMPLATE", .description = "The template: its name or id"},
         arguments->template_reference);
  app.add_option("--name", arguments->name, "A name for it; its id otherwise")->type_name("NAME");
  app.add_option("--size", arguments->size, "Of its disk; the template's otherwise")
      ->type_name("SIZE");
  app.add_option("--backend", arguments->backend, "auto, dm or user")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--export", arguments->export_way,
                 "How the user backend shows the disk: fuse or nbd")
      ->type_name("WAY")
      ->capture_default_str();
  app.add_flag("--boot", arguments->boot, "Boot it: the disk is a machine's then");
  AddMachineOptions(app, arguments->machine);
  AddReserve(app, arguments->reserve);
  SetCommand(app, arguments, SandboxCreate, command);
}

void AddResume(CLI::App& group, Command& command) {
  CLI::App& app =
      AddCommand(group, "resume", "Attach a paused sandbox's disk again", "  veneer resume web-1");
  const auto arguments = std::make_shared<ResumeArguments>();
  AddOne(app, kSandbox, arguments->sandbox);
  app.add_option("--backend", arguments->backend, "auto, dm or user; the one it had otherwise")
      ->type_name("NAME");
  SetCommand(app, arguments, SandboxResume, command);
}

void AddFork(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "fork", "Make running copies of a sandbox, of one moment",
                             "  veneer fork web-1 --count 10 --json | jq -r '.[].path'");
  const auto arguments = std::make_shared<ForkArguments>();
  AddOne(app, kSandbox, arguments->sandbox);
  app.add_option("--count", arguments->count, "How many")->type_name("N")->capture_default_str();
  AddReserve(app, arguments->reserve);
  SetCommand(app, arguments, SandboxFork, command);
}

void AddDestroy(CLI::App& group, Command& command) {
  CLI::App& app = AddCommand(group, "destroy", "Remove a sandbox and its disk for ever",
                             "  veneer destroy web-1");
  const auto arguments = std::make_shared<DestroyArguments>();
  AddOne(app, kSandbox, arguments->sandbox);
  app.add_flag("--force", arguments->force,
               "Also where its last writes cannot be flushed any more");
  SetCommand(app, arguments, SandboxDestroy, command);
}

}  // namespace

void AddTemplateCommands(CLI::App& app, Command& command) {
  CLI::App& templates = AddCommand(app, "template", "The images that sandboxes are made of",
                                   "  veneer template import debian debian.img\n"
                                   "  veneer template ls");
  templates.require_subcommand(1);
  AddImport(templates, command);
  AddBuild(templates, command);
  AddListing(templates, "List the templates", TemplateList, command);
  AddOnePathCommand(AddCommand(templates, "show", "Show a template", ""), kTemplate, TemplateShow,
                    command);
  AddOnePathCommand(AddCommand(templates, "rm", "Remove a template that no sandbox uses", ""),
                    kTemplate, TemplateRemove, command);
  CLI::App& snapshots = AddCommand(app, "snapshot", "Templates that are made of sandboxes",
                                   "  veneer snapshot create web-1 --name web-ready\n"
                                   "  veneer create web-ready");
  snapshots.require_subcommand(1);
  AddSnapshotCreate(snapshots, command);
  AddListing(snapshots, "List the snapshots", SnapshotList, command);
  AddOnePathCommand(AddCommand(snapshots, "rm", "Remove a snapshot that no sandbox uses", ""),
                    kTemplate, SnapshotRemove, command);
}

void AddSandboxCommands(CLI::App& app, Command& command) {
  AddCreate(app, command);
  AddListing(app, "List the sandboxes", SandboxList, command);
  AddOnePathCommand(
      AddCommand(app, "show", "Show a sandbox, and how long its last operation took", ""), kSandbox,
      SandboxShow, command);
  AddOnePathCommand(
      AddCommand(app, "pause", "Flush and detach a sandbox's disk; its files are all there is then",
                 "  veneer pause web-1"),
      kSandbox, SandboxPause, command);
  AddResume(app, command);
  AddFork(app, command);
  AddDestroy(app, command);
  CLI::App& recover =
      AddCommand(app, "recover",
                 "End what killed commands began, and pause what went by itself; exit status 4 if "
                 "some of it could not be ended yet",
                 "  veneer recover --json");
  recover.callback([&command] { command = RunRecover; });
}

}  // namespace veneer
