// Sandboxes that go from one backend to the other: where there is device-mapper.
#include <gmock/gmock.h>

#include "lifecycle/sandboxes.h"

namespace veneer::lifecycle {
namespace {

class BothBackendsTest : public SandboxesTest {};

TEST_F(BothBackendsTest, WhatOneBackendPausedTheOtherResumes) {
  Create("web");
  char letter = 'a';
  for (const char* backend : {"user", "dm", "user", "dm"}) {
    Write(DiskOf("web"), 3, letter);
    Ok({"pause", "web"});
    Ok({"resume", "web", "--backend", backend});
    EXPECT_EQ(Show("web").at("backend"), backend);
    EXPECT_EQ(Read(DiskOf("web"), 3), letter);
    ++letter;
  }
}

}  // namespace
}  // namespace veneer::lifecycle
