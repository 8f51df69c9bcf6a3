// The suite of all backends, where the kernel has device-mapper.
#include "conformance/backend_suite.h"

namespace veneer::conformance {
namespace {

// Other sizes are in the tests that cross the two engines.
const std::vector<Bytes> kChunkSizes{KiB(4), MiB(1)};

INSTANTIATE_TEST_SUITE_P(Fake, BackendTest, ::testing::ValuesIn(WithChunks(FakeWay(), {KiB(4)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(User, BackendTest, ::testing::ValuesIn(WithChunks(UserWay(), {KiB(4)})),
                         NameOfSetting);
INSTANTIATE_TEST_SUITE_P(Dm, BackendTest, ::testing::ValuesIn(WithChunks(DmWay(), kChunkSizes)),
                         NameOfSetting);

INSTANTIATE_TEST_SUITE_P(User, LiveBackendTest,
                         ::testing::ValuesIn(WithChunks(UserWay(), {KiB(4)})), NameOfSetting);
INSTANTIATE_TEST_SUITE_P(Dm, LiveBackendTest, ::testing::ValuesIn(WithChunks(DmWay(), kChunkSizes)),
                         NameOfSetting);

}  // namespace
}  // namespace veneer::conformance
