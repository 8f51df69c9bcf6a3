// fio writes and verifies what it wrote, at once and after the disk was detached and attached
// again.
#include "scenario/scenario.h"

namespace veneer::scenario {
namespace {

struct Load {
  std::string name;
  bool block = false;
  std::vector<std::string> options;  // of fio
  std::string chunk_size = "4K";
};

void PrintTo(const Load& load, std::ostream* out) { *out << load.name; }

class LoadTest : public ScenarioTest, public ::testing::WithParamInterface<Load> {
 protected:
  static std::vector<std::string> Fio(const std::string& target,
                                      const std::vector<std::string>& options) {
    std::vector<std::string> argv{"fio",
                                  "--name=load",
                                  "--filename=" + target,
                                  "--allow_file_create=0",
                                  "--fallocate=none",
                                  "--size=48M",
                                  "--io_size=24M",
                                  "--verify=crc32c",
                                  "--verify_fatal=1",
                                  "--verify_state_save=0",
                                  "--randseed=20",
                                  "--output-format=terse"};
    argv.insert(argv.end(), GetParam().options.begin(), GetParam().options.end());
    argv.insert(argv.end(), options.begin(), options.end());
    return argv;
  }
};

TEST_P(LoadTest, WhatFioWroteIsThere) {
  MakeDisk(64, GetParam().chunk_size);
  const std::vector<std::string> options =
      GetParam().block ? std::vector<std::string>{"--block"} : std::vector<std::string>{};
  const Attached disk = Attach(Path("disk"), options);
  MustRun(Fio(disk.target(), {"--do_verify=1"}));
  Detach(disk.path);
  ExpectStoreIsSound();
  const Attached again = Attach(Path("disk"), options);
  MustRun(Fio(again.target(), {"--verify_only=1"}));
  Detach(again.path);
}

INSTANTIATE_TEST_SUITE_P(
    Fio, LoadTest,
    ::testing::Values(
        Load{.name = "FileBuffered",
             .options = {"--rw=randwrite", "--bs=4k", "--ioengine=psync", "--fsync=64"}},
        Load{.name = "FileDirect",
             .options = {"--rw=randwrite", "--bs=4k", "--ioengine=libaio", "--iodepth=16",
                         "--direct=1", "--fsync=64"}},
        Load{.name = "FileOddSizesLargeChunks",
             .options = {"--rw=randwrite", "--bsrange=512-96k", "--bs_unaligned=0",
                         "--ioengine=psync", "--fdatasync=32"},
             .chunk_size = "64K"},
        Load{.name = "DeviceDirect",
             .block = true,
             .options = {"--rw=randwrite", "--bs=4k", "--ioengine=libaio", "--iodepth=16",
                         "--direct=1", "--fsync=64"}},
        Load{.name = "DeviceBuffered",
             .block = true,
             .options = {"--rw=randwrite", "--bs=16k", "--ioengine=psync", "--fsync=64"}}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace veneer::scenario
