// The backends that need nothing but this host's own kernel.
#include "conformance/backend_suite.h"

namespace veneer::conformance {
namespace {

const std::vector<Bytes> kChunkSizes{KiB(4), KiB(8), KiB(64), MiB(1)};

INSTANTIATE_TEST_SUITE_P(Fake, BackendTest, ::testing::ValuesIn(WithChunks(FakeWay(), {KiB(4)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(User, BackendTest, ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)),
                         NameOfSetting);

INSTANTIATE_TEST_SUITE_P(User, LiveBackendTest,
                         ::testing::ValuesIn(WithChunks(UserWay(), kChunkSizes)), NameOfSetting);

}  // namespace
}  // namespace veneer::conformance
