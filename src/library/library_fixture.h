// For tests of the library: its entry points on models of the kernel.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "backend/dm/dm_backend_fixture.h"
#include "library/disk_host_parts.h"
#include "library/loop_registry_parts.h"
#include "library/veneer.h"

namespace veneer {

// Has the store "a" of an image of zeros; other stores a test makes.
class LibraryTest : public DmBackendTest {
 protected:
  DiskHost OpenHost() {
    auto backend = std::make_unique<DmBackend>(
        Ports(), DmPlace{.run_dir = run_, .instance = kInstance}, std::chrono::seconds(0));
    auto clean_up = [this, &dm = *backend](GcMode mode) { return Reconcile(dm, Ports(), mode); };
    return DiskHost(std::make_unique<DiskHost::Parts>(std::move(backend), std::move(clean_up)));
  }
  LoopRegistry OpenRegistry() {
    return LoopRegistry(std::make_unique<LoopRegistry::Parts>(loops_, devices_, run_ + "/dm"));
  }
  [[nodiscard]] SnapshotRequest SnapshotOf(const std::string& name) const {
    return {.origin = image_, .store = StoreOf(name), .name = name};
  }
  [[nodiscard]] bool HasStore(const std::string& name) const {
    return std::filesystem::exists(StoreOf(name));
  }

  DiskHost host_ = OpenHost();
};

template <class T>
ErrorKind KindOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorKind{} : result.error().kind;
}

}  // namespace veneer
