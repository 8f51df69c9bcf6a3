#include "vm/qemu/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veneer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

VmSpec Spec() {
  return {.id = "sb-01234567",
          .disk = "/run/a,b \"c\".img",
          .kernel = "/k",
          .cmdline = "console=ttyS0 a=\"b c\"",
          .memory_file = "/m,n"};
}

TEST(QemuArguments, NothingIsThereThatWasNotNamed) {
  const auto words = QemuArguments(Spec(), {});
  EXPECT_THAT(words, Contains("-nodefaults"));
  EXPECT_THAT(words, Contains("-no-user-config"));
  EXPECT_THAT(words, Not(Contains(HasSubstr("netdev"))));
  EXPECT_THAT(words, Not(Contains("-initrd")));
  EXPECT_THAT(words, Not(Contains("-incoming")));
}

TEST(QemuArguments, PathsAreTakenAsTheyAre) {
  const auto words = QemuArguments(Spec(), {});
  EXPECT_THAT(words, Contains(HasSubstr(R"("filename":"/run/a,b \"c\".img")")));
  EXPECT_THAT(words, Contains(HasSubstr("mem-path=/m,,n,share=on")));
  EXPECT_THAT(words, Contains("console=ttyS0 a=\"b c\""));
}

TEST(QemuArguments, ADiskMayBeServedByNbd) {
  VmSpec spec = Spec();
  spec.disk = "nbd+unix:///?socket=/run/a%20b.nbd";
  EXPECT_THAT(QemuArguments(spec, {.disk = DiskForm::kNbd}),
              Contains(HasSubstr(R"("server":{"path":"/run/a b.nbd","type":"unix"})")));
}

TEST(QemuArguments, SeccompIsOnAndRootIsGivenUp) {
  const auto root = QemuArguments(Spec(), {.privileges = VmPrivileges::kRoot});
  EXPECT_THAT(root, Contains("-runas"));
  EXPECT_THAT(root, Contains(HasSubstr("spawn=deny")));
  const auto user = QemuArguments(Spec(), {.privileges = VmPrivileges::kUser});
  EXPECT_THAT(user, Not(Contains("-runas")));
  EXPECT_THAT(user, Contains(HasSubstr("elevateprivileges=deny")));
}

TEST(QemuArguments, AskedForThingsAreThere) {
  VmSpec spec = Spec();
  spec.network = VmNetwork::kUser;
  spec.initrd = "/i";
  spec.memory_use = VmMemory::kShared;
  const auto words = QemuArguments(spec, {.acceleration = VmAcceleration::kKvm,
                                          .disk = DiskForm::kBlockDevice,
                                          .beginning = VmBeginning::kSavedState});
  EXPECT_THAT(words, Contains("user,id=net"));
  EXPECT_THAT(words, Contains("-initrd"));
  EXPECT_THAT(words, Contains("kvm"));
  EXPECT_THAT(words, Contains(HasSubstr("host_device")));
  EXPECT_THAT(words, Contains(HasSubstr("share=off")));
  EXPECT_THAT(words, Contains("-incoming"));
}

}  // namespace
}  // namespace veneer
