// The ways to attach a disk, as the suite takes them.
#include <chrono>
#include <utility>

#include "backend/dm/host_dm_backend.h"
#include "backend/instance.h"
#include "backend/testing/fake_backend.h"
#include "backend/user/user_backend.h"
#include "conformance/backend_suite.h"
#include "support/process.h"

namespace veneer::conformance {
Way FakeWay() {
  return {.name = "Fake", .service = Service::kModel, .make = [](const std::string& directory) {
            return std::make_unique<testing::FakeBackend>(directory);
          }};
}

namespace {

std::unique_ptr<DiskBackend> MakeUser(const std::string& directory) {
  return std::make_unique<UserBackend>(directory + "/run", support::Program());
}

}  // namespace

Way UserWay() { return {.name = "User", .make = MakeUser}; }

Way NbdWay() { return {.name = "Nbd", .export_kind = ExportKind::kNbd, .make = MakeUser}; }

Way DmWay() {
  return {.name = "Dm", .make = [](const std::string& directory) {
            const auto instance = InstanceOf(directory + "/root");
            EXPECT_TRUE(instance) << instance.error().what;
            return std::make_unique<HostDmBackend>(
                DmPlace{.run_dir = directory + "/run", .instance = *instance},
                std::chrono::seconds(2));
          }};
}

}  // namespace veneer::conformance
