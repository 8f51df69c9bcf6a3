// What a LoopRegistry is made of. Not installed.
#pragma once

#include <string>
#include <utility>

#include "kernel/device_mapper.h"
#include "kernel/loop_control.h"
#include "library/loop_registry.h"

namespace veneer {

struct LoopRegistry::Parts {
  // `run_directory`: where DmBackend notes the loops of images.
  Parts(LoopControl& loop_control, DeviceMapper& device_mapper, std::string run_directory)
      : loops(loop_control), devices(device_mapper), directory(std::move(run_directory)) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  virtual ~Parts() = default;

  LoopControl& loops;
  DeviceMapper& devices;
  std::string directory;
};

}  // namespace veneer
