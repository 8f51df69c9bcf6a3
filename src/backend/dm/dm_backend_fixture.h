// For tests of DmBackend: the backend on models of the kernel, and what it must not leave behind.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "backend/dm/dm_backend.h"
#include "backend/dm/reconcile.h"
#include "cow/create.h"
#include "kernel/testing/fake_device_mapper.h"
#include "kernel/testing/fake_loop_control.h"
#include "kernel/testing/temp_directory.h"

namespace veneer {

inline constexpr const char* kInstance = "00112233aabbccdd";

class NoHolders final : public Holders {
 public:
  [[nodiscard]] std::vector<Holder> OfFile(const FileIdentity&, const std::string&) const override {
    return {};
  }
  [[nodiscard]] std::vector<Holder> OfBlockDevice(const std::string&, dev_t) const override {
    return {{.text = "held by pid 812 (qemu)"}};
  }
};

class DmBackendTest : public ::testing::Test {
 protected:
  DmBackendTest() {
    testing::MakeFile(image_, MiB(2));
    MakeStore("a");
  }

  void MakeStore(const std::string& disk, Bytes disk_size = MiB(2)) {
    CreateOptions options;
    options.origin_size = MiB(2);
    options.disk_size = disk_size;
    ASSERT_TRUE(CreateStore(StoreOf(disk), options));
  }
  [[nodiscard]] std::string StoreOf(const std::string& disk) const {
    return directory_ / (disk + ".cow");
  }
  [[nodiscard]] DiskRequest Request(const std::string& disk) const {
    return {.store = StoreOf(disk), .origin = image_, .name = disk};
  }
  std::string Attach(const std::string& disk) {
    const auto attached = backend_.Attach(Request(disk));
    EXPECT_TRUE(attached) << attached.error().what;
    return attached ? attached->path : "";
  }
  [[nodiscard]] DmPorts Ports() {
    return {.devices = devices_, .loops = loops_, .holders = holders_};
  }
  // As a command leaves it that was killed.
  void LeaveRecord(const std::string& disk, const dm::DiskRecord& record) {
    auto left = dm::LockedRecord::Take(run_ + "/dm", disk);
    ASSERT_TRUE(left && left->Write(record));
  }
  GcReport Gc(GcMode mode = GcMode::kRemove) {
    auto report = Reconcile(backend_, Ports(), mode);
    EXPECT_TRUE(report);
    return report ? *std::move(report) : GcReport{};
  }

  void ExpectNothingIsLeft() {
    EXPECT_THAT(devices_.Names(), ::testing::IsEmpty());
    EXPECT_EQ(loops_.Bound(), 0U);
    EXPECT_EQ(dm::RecordedDisks(run_ + "/dm"), std::vector<std::string>());
    // The lock went with the loop device.
    const auto store = LinuxFile::Open(StoreOf("a"), Access::kReadWrite);
    EXPECT_TRUE((*store)->TryLock(LinuxFile::Lock::kExclusive));
  }

  // Has `act` meet a failure at its first call of a port, at its second, and so on, until it gets
  // through; `look` sees each outcome. Returns how many failures there were.
  unsigned FailEverywhere(testing::FaultMoment moment, const std::function<Result<void>()>& act,
                          const std::function<void(const Result<void>&)>& look) {
    const Error error{ErrorKind::kFailed, EIO, "injected", ""};
    unsigned failures = 0;
    for (unsigned n = 1; !HasFailure(); ++n, ++failures) {
      const auto before = faults_.fired();
      faults_.FailAt(n, error, moment);
      const Result<void> acted = act();
      const bool fired = faults_.fired() > before;
      faults_.Clear();
      SCOPED_TRACE(n);
      look(acted);
      if (!fired) break;
    }
    return failures;
  }

  testing::TempDirectory directory_;
  std::string image_ = directory_ / "image";
  std::string run_ = directory_ / "run";
  testing::KernelFaults faults_;
  testing::FakeLoopControl loops_{faults_};
  testing::FakeDeviceMapper devices_{loops_, faults_};
  NoHolders holders_;
  DmBackend backend_{Ports(), {.run_dir = run_, .instance = kInstance}, std::chrono::seconds(0)};
};

}  // namespace veneer
