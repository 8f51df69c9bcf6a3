// The state directory of the demo: what the product's own verbs work on, and the clean-up of it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/demo/step_log.h"
#include "app/session.h"
#include "base/result.h"
#include "catalog/records.h"
#include "sandbox/host.h"
#include "sandbox/lifecycle.h"

namespace veneer {

class DemoState {
 public:
  // `root` is new; `run` is for the disks and their servers' sockets.
  static Result<std::unique_ptr<DemoState>> Open(const std::filesystem::path& root,
                                                 const std::string& run);

  DemoState(const DemoState&) = delete;
  DemoState& operator=(const DemoState&) = delete;
  // Destroys all sandboxes, in whatever state they are, and says on stderr where it cannot.
  ~DemoState();

  [[nodiscard]] Host host() { return session_->host(); }
  [[nodiscard]] Lifecycle lifecycle() { return Lifecycle(host()); }
  [[nodiscard]] const Layout& layout() const { return session_->layout(); }

  // Yields how many there were.
  Result<std::size_t> DestroyAll();

  // What their stores take, and how much of their disks was changed.
  [[nodiscard]] Result<Footprint> FootprintOf(const std::vector<SandboxRecord>& sandboxes) const;
  [[nodiscard]] Result<Footprint> FootprintOf(const TemplateRecord& record) const;

 private:
  explicit DemoState(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  std::unique_ptr<Session> session_;
};

}  // namespace veneer
