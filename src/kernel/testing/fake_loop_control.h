// FakeLoopControl: a working model of loop devices, for tests.
//
// The files are real ones, the devices are not: nothing can be read through them. As the kernel
// does, a device keeps the open file description it was given (so a lock lasts as long as it) and,
// attached held, clears itself when its last opener is gone. Openers are the holds, which are real
// descriptors (one end of a pipe: the model sees when the last copy of it is closed, also by the
// death of a process), and the tables of a FakeDeviceMapper.
//
// Any thread; the object outlives all that uses it.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "kernel/loop_control.h"
#include "kernel/testing/kernel_faults.h"

namespace veneer::testing {

class FakeLoopControl final : public LoopControl {
 public:
  // A fault after AttachHeld or Hold has taken effect leaves nothing: the caller gets no hold.
  explicit FakeLoopControl(KernelFaults& faults) : faults_(faults) {}

  Result<LoopDevice> Attach(const std::string& file, const LoopOptions& options) override;
  Result<HeldLoop> AttachHeld(const LinuxFile& file, const LoopOptions& options) override;
  Result<HeldLoop> Hold(unsigned number, const FileIdentity& file) override;
  [[nodiscard]] Result<std::vector<LoopDevice>> Find(const FileIdentity& file,
                                                     const std::string& path) const override;
  [[nodiscard]] Result<std::string> BackingFile(const std::string& device) const override;
  Result<void> UpdateSize(const LoopDevice& device) override;
  // Never waits: an opener is a conflict at once.
  Result<void> Detach(const LoopDevice& device, OnWriteError on_write_error) override;

  // What there is now.
  [[nodiscard]] std::size_t Bound() const;
  [[nodiscard]] std::vector<LoopDevice> Devices() const;
  // All openers of a device, holds and tables.
  [[nodiscard]] std::size_t Openers(unsigned number) const;

  // As though the host had no more than so many devices.
  void SetLimit(std::size_t devices);

  // As where the caller can open nothing of /sys: BackingFile gives empty paths.
  void HidePaths(bool hidden);

  // For FakeDeviceMapper: a table that has the device open, and no longer has. Open gives the size
  // of the device; nothing where it is free.
  std::optional<Sectors> Open(dev_t device);
  void Close(dev_t device);
  [[nodiscard]] std::optional<Sectors> SizeOf(dev_t device) const;

 private:
  struct Device {
    LoopDevice device;
    FileIdentity file;
    std::string path;
    UniqueFd backing;  // the caller's open file description
    Sectors size;      // as of the attach or the last UpdateSize
    bool autoclear = false;
    std::vector<UniqueFd> holds{};  // our ends of their pipes
    std::size_t tables = 0;

    [[nodiscard]] LoopDevice Describe() const;
  };

  Result<unsigned> Bind(const UniqueFd& file, const std::string& path, const LoopOptions& options,
                        std::optional<UniqueFd> hold);
  [[nodiscard]] Result<unsigned> FreeNumber(const LoopOptions& options) const;
  // Has closed holds forgotten and what clears itself cleared; before anything else is looked at.
  void Settle() const;

  KernelFaults& faults_;
  mutable std::mutex mutex_;
  mutable std::map<unsigned, Device> devices_;
  std::optional<std::size_t> limit_;
  bool paths_hidden_ = false;
};

}  // namespace veneer::testing
