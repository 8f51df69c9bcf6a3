// For tests: records with something in every field.
#pragma once

#include <chrono>
#include <string>

#include "catalog/records.h"

namespace veneer::testing {

inline TemplateRecord ExampleTemplate(const std::string& id = "tp-00000001",
                                      const std::string& name = "debian") {
  return {.id = id,
          .name = name,
          .kind = TemplateKind::kSnapshot,
          .image = {.size = GiB(2), .modified_ns = 1'700'000'000'123'456'789, .inode = ~0ULL},
          .digest = "sha256:" + std::string(64, 'a'),
          .made_from = "sb-0000ffff",
          .created_at = Timestamp(std::chrono::milliseconds(1'700'000'000'123)),
          .boot = BootRecord{.kernel = "sha256:" + std::string(64, 'b'),
                             .initrd = "",
                             .cmdline = "quoted=\"a b\""},
          .machine = MachineRecord{
              .memory = MiB(128), .cpus = 1, .network = "none", .acceleration = "kvm"}};
}

inline SandboxRecord ExampleSandbox(const std::string& id = "sb-00000001",
                                    const std::string& name = "one") {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return {.id = id,
          .name = name,
          .template_id = "tp-00000001",
          .state = SandboxState::kRunning,
          .reason = "the \"host\" was 'restarted'",
          .backend = "user",
          .export_way = "nbd",
          .path = "/run/veneer/sandboxes/" + id + "/disk",
          .size = GiB(4),
          .last_operation = "create",
          .timings = {{.step = "attach", .took = Milliseconds(1.25)},
                      {.step = "boot", .took = Milliseconds(140.1)}},
          .created_at = Timestamp(std::chrono::milliseconds(1'700'000'001'000)),
          .boot_id = "0c5e1b4a-1f5e-4d55-9f0b-6a1b6c1d2e3f",
          .machine = MachineRecord{
              .memory = MiB(256), .cpus = 2, .network = "user", .acceleration = "emulation"}};
}

inline IntentRecord ExampleIntent(const std::string& id = "tp-00000001") {
  return {.id = id,
          .verb = "snapshot",
          .object = "sb-0000ffff",
          .began_at = Timestamp(std::chrono::milliseconds(1'700'000'000'456))};
}

}  // namespace veneer::testing
