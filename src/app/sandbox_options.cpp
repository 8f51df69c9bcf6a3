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

void AddImport(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "import",
       .description = "Make a template of an image: raw, qcow2, or a tar of a root file system",
       .examples = "  veneer template import debian debian.img\n"
                   "  veneer template import alpine rootfs.tar.gz --size 1G"},
      [](CLI::App& app, Command& chosen) {
        const auto arguments = std::make_shared<TemplateImportArguments>();
        app.add_option("NAME", arguments->name, "The template's name")->type_name("")->required();
        app.add_option("IMAGE", arguments->image, "The file to import")->type_name("")->required();
        app.add_option("--size", arguments->size, "Of the file system that a tar becomes")
            ->type_name("SIZE");
        app.add_option("--kernel", arguments->kernel, "What it boots: a kernel")->type_name("FILE");
        app.add_option("--initrd", arguments->initrd, "And its initrd")->type_name("FILE");
        app.add_option("--cmdline", arguments->cmdline, "And its arguments")->type_name("TEXT");
        AddReserve(app, arguments->reserve);
        SetCommand(app, arguments, TemplateImport, chosen);
      });
}

void AddBuild(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "build",
       .description = "Make a template that boots, of Debian's packages, from this "
                      "machine's APT sources",
       .examples = "  veneer template build debian\n"
                   "  veneer template build web --include nginx,curl --size 4G"},
      [](CLI::App& app, Command& chosen) {
        const auto arguments = std::make_shared<TemplateBuildArguments>();
        app.add_option("NAME", arguments->name, "The template's name")->type_name("")->required();
        app.add_option("--suite", arguments->suite,
                       "Debian's release; this machine's own otherwise")
            ->type_name("NAME");
        app.add_option("--include", arguments->include, "More packages, with commas between")
            ->type_name("PACKAGES")
            ->delimiter(',');
        app.add_option("--size", arguments->size, "Of its file system")
            ->type_name("SIZE")
            ->capture_default_str();
        AddReserve(app, arguments->reserve);
        SetCommand(app, arguments, TemplateBuild, chosen);
      });
}

void AddSnapshotCreate(const Commands& commands) {
  AddCommand(commands,
             {.name = "create",
              .description = "Make a template of a sandbox, running or paused",
              .examples = "  veneer snapshot create web-1 --name web-ready"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<SnapshotCreateArguments>();
               AddOne(app, kSandbox, arguments->sandbox);
               app.add_option("--name", arguments->name, "The new template's name")
                   ->type_name("NAME")
                   ->required();
               AddReserve(app, arguments->reserve);
               SetCommand(app, arguments, SnapshotCreate, chosen);
             });
}

void AddCreate(const Commands& commands) {
  AddCommand(commands,
             {.name = "create",
              .description = "Make a sandbox of a template, with a disk of its own",
              .examples = "  veneer create debian --name web-1\n"
                          "  veneer create debian --size 20G --json | jq -r .path"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<CreateArguments>();
               AddOne(app, {.name = "TEMPLATE", .description = "The template: its name or id"},
                      arguments->template_reference);
               app.add_option("--name", arguments->name, "A name for it; its id otherwise")
                   ->type_name("NAME");
               app.add_option("--size", arguments->size, "Of its disk; the template's otherwise")
                   ->type_name("SIZE");
               app.add_option("--backend", arguments->backend, "auto, dm or user")
                   ->type_name("NAME")
                   ->capture_default_str();
               app.add_option("--export", arguments->export_way,
                              "How the user backend shows the disk: fuse or nbd")
                   ->type_name("WAY")
                   ->capture_default_str();
               CLI::Option* const boot =
                   app.add_flag("--boot", arguments->boot, "Boot it: the disk is a machine's then");
               for (CLI::Option* of_machine : AddMachineOptions(app, arguments->machine)) {
                 of_machine->needs(boot);
               }
               AddReserve(app, arguments->reserve);
               SetCommand(app, arguments, SandboxCreate, chosen);
             });
}

void AddResume(const Commands& commands) {
  AddCommand(commands,
             {.name = "resume",
              .description = "Attach a paused sandbox's disk again",
              .examples = "  veneer resume web-1"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<ResumeArguments>();
               AddOne(app, kSandbox, arguments->sandbox);
               app.add_option("--backend", arguments->backend,
                              "auto, dm or user; the one it had otherwise")
                   ->type_name("NAME");
               SetCommand(app, arguments, SandboxResume, chosen);
             });
}

void AddFork(const Commands& commands) {
  AddCommand(commands,
             {.name = "fork",
              .description = "Make running copies of a sandbox, of one moment",
              .examples = "  veneer fork web-1 --count 10 --json | jq -r '.[].path'"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<ForkArguments>();
               AddOne(app, kSandbox, arguments->sandbox);
               app.add_option("--count", arguments->count, "How many")
                   ->type_name("N")
                   ->capture_default_str();
               AddReserve(app, arguments->reserve);
               SetCommand(app, arguments, SandboxFork, chosen);
             });
}

void AddDestroy(const Commands& commands) {
  AddCommand(commands,
             {.name = "destroy",
              .description = "Remove a sandbox and its disk for ever",
              .examples = "  veneer destroy web-1"},
             [](CLI::App& app, Command& chosen) {
               const auto arguments = std::make_shared<DestroyArguments>();
               AddOne(app, kSandbox, arguments->sandbox);
               app.add_flag("--force", arguments->force,
                            "Also where its last writes cannot be flushed any more");
               SetCommand(app, arguments, SandboxDestroy, chosen);
             });
}

void AddTemplates(const Commands& commands) {
  AddImport(commands);
  AddBuild(commands);
  AddPlainCommand(commands, {.name = "ls", .description = "List the templates"}, TemplateList);
  AddOnePathCommand(commands, {.name = "show", .description = "Show a template"}, kTemplate,
                    TemplateShow);
  AddOnePathCommand(commands,
                    {.name = "rm", .description = "Remove a template that no sandbox uses"},
                    kTemplate, TemplateRemove);
}

void AddSnapshots(const Commands& commands) {
  AddSnapshotCreate(commands);
  AddPlainCommand(commands, {.name = "ls", .description = "List the snapshots"}, SnapshotList);
  AddOnePathCommand(commands,
                    {.name = "rm", .description = "Remove a snapshot that no sandbox uses"},
                    kTemplate, SnapshotRemove);
}

}  // namespace

void AddTemplateCommands(const Commands& commands) {
  AddGroup(commands,
           {.name = "template",
            .description = "The images that sandboxes are made of",
            .examples = "  veneer template import debian debian.img\n"
                        "  veneer template ls"},
           AddTemplates);
  AddGroup(commands,
           {.name = "snapshot",
            .description = "Templates that are made of sandboxes",
            .examples = "  veneer snapshot create web-1 --name web-ready\n"
                        "  veneer create web-ready"},
           AddSnapshots);
}

void AddSandboxCommands(const Commands& commands) {
  AddCreate(commands);
  AddPlainCommand(commands, {.name = "ls", .description = "List the sandboxes"}, SandboxList);
  AddOnePathCommand(
      commands,
      {.name = "show", .description = "Show a sandbox, and how long its last operation took"},
      kSandbox, SandboxShow);
  AddOnePathCommand(
      commands,
      {.name = "pause",
       .description = "Flush and detach a sandbox's disk; its files are all there is then",
       .examples = "  veneer pause web-1"},
      kSandbox, SandboxPause);
  AddResume(commands);
  AddFork(commands);
  AddDestroy(commands);
  AddPlainCommand(
      commands,
      {.name = "recover",
       .description =
           "End what killed commands began, and pause what went by itself; exit status 4 if "
           "some of it could not be ended yet",
       .examples = "  veneer recover --json"},
      RunRecover);
}

}  // namespace veneer
