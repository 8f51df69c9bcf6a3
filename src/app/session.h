// Session: a state directory opened for the commands about templates and sandboxes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/session.h"
#include "app/global_options.h"
#include "app/host_log.h"
#include "backend/dm/host_dm_backend.h"
#include "backend/run_claim.h"
#include "backend/user/user_backend.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "sandbox/backend_set.h"
#include "sandbox/host.h"
#include "sandbox/layout.h"
#include "vm/qemu/qemu_vmm.h"

namespace veneer {

class Session final : public api::Session {
 public:
  // Makes the state directory where it is missing. kUnsupported: its file system will not do.
  // kConflict, here and below: what runs of it is below another run directory.
  static Result<std::unique_ptr<Session>> Open(const GlobalOptions& options,
                                               const SpaceReserve& reserve = {});

  // To look only: makes nothing, and is null where there is no catalog.
  static Result<std::unique_ptr<Session>> OpenToLook(const GlobalOptions& options);

  // As Open, and ends first what killed commands have left: for commands that change things.
  static Result<std::unique_ptr<Session>> OpenToChange(const GlobalOptions& options,
                                                       const SpaceReserve& reserve = {});

  [[nodiscard]] Host host() override;
  [[nodiscard]] Catalog& catalog() { return catalog_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  static Result<std::unique_ptr<Session>> With(RunClaim claim, const GlobalOptions& options,
                                               const SpaceReserve& reserve);
  Session(Layout layout, Catalog catalog, RunClaim claim, const std::string& instance,
          SpaceReserve reserve, LogLevel log_level);

  Layout layout_;
  RunClaim claim_;  // of none, for who only looks
  HostLog log_;
  Catalog catalog_;
  HostDmBackend dm_;
  UserBackend user_;
  BackendSet backends_{dm_, user_};
  QemuVmm vmm_;
  SpaceReserve reserve_;
};

// For who works on disks without a session. Of none where there is no state directory.
Result<RunClaim> ClaimRunDirectory(const GlobalOptions& options);

// What gc removes of disks in the kernel and under the run directory, on all backends. Makes
// nothing: a state directory that is not there has nothing in the kernel.
Result<GcReport> CollectDisks(const GlobalOptions& options, GcMode mode);

}  // namespace veneer
