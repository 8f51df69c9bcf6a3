#include "vm/qemu/kvm_probe.h"

#include <gtest/gtest.h>

namespace veneer {
namespace {

TEST(AccelerationNotes, EachKernelHasItsOwn) {
  const std::string first = NoteAcceleration("", "boot-1", "a.kernel", VmAcceleration::kKvm);
  const std::string both =
      NoteAcceleration(first, "boot-1", "b.kernel", VmAcceleration::kEmulation);
  EXPECT_EQ(NotedAcceleration(both, "boot-1", "a.kernel"), VmAcceleration::kKvm);
  EXPECT_EQ(NotedAcceleration(both, "boot-1", "b.kernel"), VmAcceleration::kEmulation);
  EXPECT_EQ(NotedAcceleration(both, "boot-1", "kernel"), std::nullopt);
  EXPECT_EQ(NotedAcceleration(both, "boot-1", ""), std::nullopt);
}

TEST(AccelerationNotes, AnotherBootOfTheHostKnowsNothing) {
  const std::string notes = NoteAcceleration("", "boot-1", "a.kernel", VmAcceleration::kKvm);
  EXPECT_EQ(NotedAcceleration(notes, "boot-2", "a.kernel"), std::nullopt);
  const std::string later =
      NoteAcceleration(notes, "boot-2", "b.kernel", VmAcceleration::kEmulation);
  EXPECT_EQ(NotedAcceleration(later, "boot-2", "a.kernel"), std::nullopt);
  EXPECT_EQ(NotedAcceleration(later, "boot-2", "b.kernel"), VmAcceleration::kEmulation);
}

TEST(AccelerationNotes, WithoutABootIdNothingIsKnown) {
  EXPECT_EQ(NotedAcceleration(NoteAcceleration("", "", "a", VmAcceleration::kKvm), "", "a"),
            std::nullopt);
  EXPECT_EQ(NotedAcceleration("", "boot-1", "a"), std::nullopt);
  EXPECT_EQ(NotedAcceleration("rubbish", "boot-1", "a"), std::nullopt);
}

TEST(ProbeKvm, WithoutAKernelItNeverPromisesThatOneBoots) {
  EXPECT_NE(ProbeKvm("").answer, KvmAnswer::kBoots);
}

TEST(ProbeKvm, WhatIsNoKernelDoesNotBoot) {
  EXPECT_NE(ProbeKvm("/dev/null").answer, KvmAnswer::kBoots);
}

}  // namespace
}  // namespace veneer
