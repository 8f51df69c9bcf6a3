#include "app/demo/demo_state.h"

#include <cstdio>
#include <utility>

#include "app/output.h"
#include "cow/store_info.h"
#include "kernel/linux/linux_file.h"
#include "sandbox/recover.h"

namespace veneer {

Result<std::unique_ptr<DemoState>> DemoState::Open(const std::filesystem::path& root,
                                                   const std::string& run) {
  // The demo has asked for its room already, and gives it all back.
  auto session = VENEER_TRY(
      Session::OpenToChange({.root = root, .run = run}, {.percent = 0, .size = Bytes(0)}));
  return std::unique_ptr<DemoState>(new DemoState(std::move(session)));
}

DemoState::~DemoState() {
  // A verb that failed on the way may have left one half-made.
  Recover(host(), RecoverScope::kEverything).Ignore("what is left is named below");
  const auto destroyed = DestroyAll();
  if (!destroyed) (void)std::fputs(RenderErrorLine(destroyed.error()).c_str(), stderr);
}

Result<std::size_t> DemoState::DestroyAll() {
  const auto sandboxes = VENEER_TRY(session_->catalog().Sandboxes());
  Result<std::size_t> outcome = sandboxes.size();
  for (const SandboxRecord& each : sandboxes) {
    const Result<void> destroyed = lifecycle().Destroy(each.id, DestroyMode::kForce);
    if (!destroyed && outcome) outcome = Fail(destroyed.error());
  }
  return outcome;
}

Result<Footprint> DemoState::FootprintOf(const std::vector<SandboxRecord>& sandboxes) const {
  Footprint all{.used = Bytes(0), .changed = Bytes(0)};
  for (const SandboxRecord& each : sandboxes) {
    const auto store = VENEER_TRY(LinuxFile::Open(layout().Store(each.id), Access::kReadOnly));
    all.used += VENEER_TRY(store->AllocatedBytes());
    const StoreInfo info = VENEER_TRY(ReadStoreInfo(*store));
    *all.changed += info.data;
  }
  return all;
}

Result<Footprint> DemoState::FootprintOf(const TemplateRecord& record) const {
  const auto image = VENEER_TRY(LinuxFile::Open(layout().Image(record.id), Access::kReadOnly));
  return Footprint{.used = VENEER_TRY(image->AllocatedBytes())};
}

}  // namespace veneer
