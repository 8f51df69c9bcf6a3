// What every DiskBackend promises, as tests: the same for each way to attach a disk.
//
// A program names the ways that its host has:
//   INSTANTIATE_TEST_SUITE_P(Fake, BackendTest, ::testing::Values(FakeWay()), NameOfWay);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "backend/disk_backend.h"
#include "base/units.h"
#include "support/temp_dir.h"

namespace veneer::conformance {

// Whether a program's writes reach the store at once, or with the detach only.
enum class Service : std::uint8_t { kLive, kModel };

struct Way {
  std::string name;
  Service service = Service::kLive;
  ExportKind export_kind = ExportKind::kFuse;
  // A backend with its state below this directory.
  std::function<std::unique_ptr<DiskBackend>(const std::string& directory)> make;
};

Way FakeWay();
Way UserWay();
Way NbdWay();
Way DmWay();

// A way and a chunk size.
struct Setting {
  Way way;
  Bytes chunk_size;
};
std::vector<Setting> WithChunks(const Way& way, const std::vector<Bytes>& chunk_sizes);
std::string NameOfSetting(const ::testing::TestParamInfo<Setting>& info);
inline std::ostream& operator<<(std::ostream& out, const Setting& setting) {
  return out << setting.way.name << " " << setting.chunk_size.value();
}

class BackendTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The image, `size` bytes of a pattern, and an empty store for it.
  void MakeDisk(Bytes size, Bytes max_change = Bytes(0), Bytes disk_size = Bytes(0));
  void MakeStore(const std::string& path, Bytes max_change, Bytes disk_size);

  [[nodiscard]] DiskRequest Request(const std::string& name = "a") const;
  AttachedDisk Attach(const std::string& name = "a") { return Attach(Request(name)); }
  AttachedDisk Attach(const DiskRequest& request);
  AttachedDisk AttachReadOnly();
  void Detach(const AttachedDisk& disk);
  [[nodiscard]] std::vector<std::string> Listed();
  // Must fail so, and leave nothing attached.
  void ExpectRefused(const DiskRequest& request, ErrorKind kind);
  void ExpectNotCloned(const std::string& path, const std::string& clone, ErrorKind kind);

  // On the disk, past any cache of the caller's: what another program sees.
  static std::string Read(const AttachedDisk& disk, std::size_t at, std::size_t length);
  // Durable when it returns.
  static void Write(const AttachedDisk& disk, std::size_t at, const std::string& data);

  static void WriteBoth(const AttachedDisk& disk, std::string& expected, std::size_t at,
                        const std::string& data);

  // Detaches: the store is sound then, and makes that together with the image.
  void ExpectInStore(const AttachedDisk& disk, const std::string& expected);
  // The store has no fault.
  static void ExpectSound(const std::string& store);
  // What store and image make, without any device.
  [[nodiscard]] std::string Flattened() const { return Flattened(store_); }
  [[nodiscard]] std::string Flattened(const std::string& store) const;
  [[nodiscard]] std::string Image() const;

  [[nodiscard]] bool live() const { return GetParam().way.service == Service::kLive; }

  support::TempDir dir_;
  std::string image_ = dir_ / "image";
  std::string store_ = dir_ / "store";
  std::string clone_ = dir_ / "clone";
  std::unique_ptr<DiskBackend> backend_;
  std::vector<std::string> attached_;
};

// What holds only where writes reach the store at once: not for the model.
class LiveBackendTest : public BackendTest {};

}  // namespace veneer::conformance
