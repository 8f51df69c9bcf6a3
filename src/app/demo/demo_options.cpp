#include "app/demo/demo_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command_parts.h"
#include "app/demo/demo.h"

namespace veneer {

void AddDemoCommand(const Commands& commands) {
  AddCommand(
      commands,
      {.name = "demo",
       .description = "Show the main job on a real Debian image, timed and verified (needs root)",
       .examples =
           "  veneer demo\n"
           "  veneer demo --work /var/cache/veneer-demo     keep the template for the next run\n"
           "  veneer demo --template debian.img --json"},
      [](CLI::App& demo, Command& chosen) {
        const auto arguments = std::make_shared<DemoArguments>();
        demo.add_option("--work", arguments->work,
                        "Work here, and keep the template between runs (default: a directory under "
                        "/var/tmp that is removed)")
            ->type_name("DIR");
        demo.add_option("--template", arguments->template_image,
                        "Use this ext4 image, do not build one")
            ->type_name("IMAGE");
        demo.add_flag("--keep", arguments->keep,
                      "Keep the state directory (template and snapshot) and the flattened image");
        SetCommand(demo, arguments, RunDemo, chosen);
      });
}

}  // namespace veneer
