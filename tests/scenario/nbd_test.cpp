// A disk that is attached by NBD, as the clients of NBD see it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "scenario/scenario.h"
#include "support/disk_client.h"
#include "support/opener.h"

namespace veneer::scenario {
namespace {

using support::DiskClient;
using support::Outcome;
using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

class NbdTest : public ScenarioTest {
 protected:
  void SetUp() override {
    ScenarioTest::SetUp();
    if (!support::kHasNbd) GTEST_SKIP() << support::kNoNbd;
  }

  // By NBD; prints its URI.
  std::string AttachByNbd(const Arguments& more = {}) {
    Arguments options{"--export", "nbd"};
    options.insert(options.end(), more.begin(), more.end());
    return Attach(socket_, options).path;
  }
  std::string Flattened() const {
    const std::string image = Path("flat.img");
    Ok({"cow", "flatten", store_, "--origin", origin_, "--output", image, "--force"});
    return image;
  }
  static Outcome Python(const std::string& program, const Arguments& arguments) {
    // Debian's: the bindings of libnbd are for that one.
    Arguments words{"/usr/bin/python3", "-c", program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return support::Run(words);
  }

  std::string socket_ = Path("disk.nbd");
};

TEST_F(NbdTest, ClientsAreToldWhatTheDiskCanDo) {
  MakeDisk(16, "64K");
  const std::string uri = AttachByNbd();
  EXPECT_EQ(uri, "nbd+unix:///?socket=" + socket_);
  const auto info = nlohmann::json::parse(MustRun({"nbdinfo", "--json", uri}));
  const auto& disk = info["exports"][0];
  EXPECT_EQ(disk["export-size"], 16U << 20U);
  for (const char* ability : {"can_multi_conn", "can_fua", "can_flush", "can_trim", "can_zero",
                              "can_fast_zero", "can_cache"}) {
    EXPECT_TRUE(disk[ability]) << ability;
  }
  EXPECT_EQ(disk["block_size_preferred"], 64U << 10U);
  EXPECT_THAT(disk["description"].get<std::string>(), HasSubstr(store_));
  Detach(uri);
}

TEST_F(NbdTest, TheMapTellsDataFromHoles) {
  MakeDisk(4);
  const std::string uri = AttachByNbd();
  MustRun({"qemu-io", "-f", "raw", "-c", "write -P 1 2M 64k", "-c", "write -zu 0 512k", uri});
  const auto map = nlohmann::json::parse(MustRun({"nbdinfo", "--map", "--json", uri}));
  std::vector<std::pair<std::uint64_t, std::string>> seen;
  for (const auto& each : map) seen.emplace_back(each["offset"], each["description"]);
  const std::vector<std::pair<std::uint64_t, std::string>> expected{
      {0, "hole,zero"},
      {512U << 10U, "data"},
      {1U << 20U, "hole,zero"},
      {2U << 20U, "data"},
      {(2U << 20U) + (64U << 10U), "hole,zero"}};
  EXPECT_EQ(seen, expected);
  Detach(uri);
}

TEST_F(NbdTest, CopiesInAndOutAreTheFlattenedImage) {
  MakeDisk(32);
  MustRun({"dd", "if=/dev/urandom", "of=" + Path("in"), "bs=1M", "count=20", "status=none"});
  std::filesystem::resize_file(Path("in"), std::uintmax_t{32} << 20U);
  const std::string uri = AttachByNbd();
  MustRun({"nbdcopy", "--flush", Path("in"), uri});
  MustRun({"nbdcopy", uri, Path("out")});
  EXPECT_EQ(support::Sha256(Path("out")), support::Sha256(Path("in")));
  MustRun({"qemu-io", "-f", "raw", "-c", "write -P 9 4097 70001", "-c", "discard 8M 1M", uri});
  MustRun({"nbdcopy", uri, Path("out")});
  Detach(uri);
  const std::string flat = Flattened();
  MustRun({"qemu-img", "compare", "-f", "raw", "-F", "raw", Path("out"), flat});
  const std::string again = AttachByNbd();
  MustRun({"qemu-img", "compare", "-f", "raw", "-F", "raw", again, flat});
  Detach(again);
  ExpectStoreIsSound();
}

TEST_F(NbdTest, PatternsAreWhereTheyWereWritten) {
  MakeDisk(16);
  const std::string uri = AttachByNbd();
  MustRun({"qemu-io", "-f", "raw", "-c", "write -P 0xa1 0 1", "-c", "write -P 0xa2 4095 2", "-c",
           "write -P 0xa3 1048575 131073", "-c", "write -f -P 0xa4 16777215 1", "-c",
           "write -z 65536 12345", "-c", "flush", uri});
  MustRun({"qemu-io", "-f", "raw", "-c", "read -P 0xa1 0 1", "-c", "read -P 0x6f 1 4094", "-c",
           "read -P 0xa2 4095 2", "-c", "read -P 0xa3 1048575 131073", "-c",
           "read -P 0xa4 16777215 1", "-c", "read -P 0 65536 12345", uri});
  Detach(uri);
  ExpectStoreIsSound();
}

TEST_F(NbdTest, FourClientsThatWriteAtOnceReadWhatTheyWrote) {
  MakeDisk(64);
  const std::string uri = AttachByNbd();
  MustRun({"fio", "--name=verify", "--ioengine=nbd", "--uri=" + uri, "--rw=randwrite",
           "--bsrange=512-32k", "--size=8m", "--offset_increment=8m", "--numjobs=4", "--iodepth=16",
           "--verify=crc32c", "--do_verify=1", "--fsync=64", "--randseed=7"});
  Detach(uri);
  ExpectStoreIsSound();
}

TEST_F(NbdTest, AFlushOfOneClientCoversWhatAnotherWrote) {
  MakeDisk(4);
  std::string uri = AttachByNbd();
  {
    const DiskClient writer(uri, DiskClient::For::kWriting);
    const DiskClient other(uri, DiskClient::For::kWriting);
    ASSERT_TRUE(writer.valid() && other.valid());
    ASSERT_TRUE(writer.Write(5000, "written by one"));
    ASSERT_TRUE(other.Flush());
    Kill(ServerOf(uri));
  }
  ExpectStoreIsSound();
  uri = AttachByNbd();
  std::string data(14, '?');
  EXPECT_TRUE(DiskClient(uri, DiskClient::For::kReading).Read(5000, data));
  EXPECT_EQ(data, "written by one");
  Detach(uri);
}

TEST_F(NbdTest, WhatAKilledServerLeftGoesWithDetachAndWithGc) {
  MakeDisk(4);
  for (const Arguments& command : {Arguments{"cow", "detach", socket_}, Arguments{"gc"}}) {
    const std::string uri = AttachByNbd();
    Kill(ServerOf(uri));
    EXPECT_TRUE(std::filesystem::exists(socket_));
    Ok(command);
    EXPECT_FALSE(std::filesystem::exists(socket_));
  }
}

TEST_F(NbdTest, ADiskThatAClientHasIsNotDetached) {
  MakeDisk(4);
  const std::string uri = AttachByNbd();
  {
    const support::Opener client(uri);
    const Outcome refused = Veneer({"cow", "detach", uri, "--json"});
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(ComplaintOf(refused).message, HasSubstr(client.Name()));
    EXPECT_EQ(Veneer({"cow", "fill", uri}).status, 0);
  }
  Detach(uri);
}

TEST_F(NbdTest, AClientThatNeverAsksForTheDiskDoesNotKeepIt) {
  MakeDisk(4);
  const std::string uri = AttachByNbd();
  support::Child idler({"python3", "-c",
                        "import socket, sys, time\n"
                        "s = socket.socket(socket.AF_UNIX)\n"
                        "s.connect(sys.argv[1])\n"
                        "s.recv(18)\n"
                        "print('greeted', flush=True)\n"
                        "time.sleep(600)",
                        socket_});
  ASSERT_TRUE(idler.WaitForOutput("greeted", std::chrono::minutes(1)));
  Detach(uri);
}

TEST_F(NbdTest, APlaceThatIsTakenOrCannotBeIsRefused) {
  MakeDisk(4);
  support::WriteFile(socket_, "somebody's");
  const Arguments attach = AttachCommand(socket_, {"--export", "nbd"});
  EXPECT_EQ(ComplaintOf(Veneer(attach)).kind, "conflict");
  EXPECT_EQ(support::ReadFile(socket_), "somebody's");
  std::filesystem::remove(socket_);
  EXPECT_EQ(Veneer(AttachCommand(Path(std::string(150, 'x')), {"--export", "nbd"})).status, 2);
  EXPECT_EQ(Veneer(AttachCommand(socket_, {"--export", "nbd", "--block"})).status, 2);
  EXPECT_EQ(Veneer(AttachCommand(socket_, {"--export", "iscsi"})).status, 2);
  const std::string uri = AttachByNbd();
  EXPECT_EQ(ComplaintOf(Veneer(attach)).kind, "conflict");
  Detach(uri);
  EXPECT_EQ(Veneer({"cow", "detach", uri}).status, 3);
}

// Each asks for what it must not, or goes away in the middle; `victim` must be served throughout.
constexpr const char* kHostile = R"(
import nbd, os, random, socket, struct, sys

path, size = sys.argv[1], int(sys.argv[2])
uri = "nbd+unix:///?socket=" + path
GREETING, OPTION, REQUEST = 18, 0x49484156454F5054, 0x25609513
random.seed(7)

def connected():
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.settimeout(60)
    return peer

def negotiated():
    peer = connected()
    peer.recv(GREETING, socket.MSG_WAITALL)
    peer.sendall(struct.pack(">I", 3))
    peer.sendall(struct.pack(">QII", OPTION, 1, 0))  # NBD_OPT_EXPORT_NAME
    peer.recv(10, socket.MSG_WAITALL)
    return peer

def request(kind, cookie, at, length):
    return struct.pack(">IHHQQI", REQUEST, 0, kind, cookie, at, length)

def works():
    victim = nbd.NBD()
    victim.connect_uri(uri)
    victim.pwrite(b"served", 100)
    victim.flush()
    assert victim.pread(6, 100) == b"served"
    victim.shutdown()

def fails(act, *what):
    client = nbd.NBD()
    client.set_strict_mode(0)
    client.connect_uri(uri)
    try:
        getattr(client, act)(*what)
    except nbd.Error:
        return
    raise SystemExit(f"{act}{what} must fail")

for at, length in [(size, 1), (size - 1, 2), (1 << 62, 512), ((1 << 63) - 1, 4096)]:
    fails("pread", length, at)
    fails("pwrite", b"x" * length, at)
    fails("trim", length, at)
    fails("zero", length, at)
fails("pread", 0, 0)
works()

for _ in range(50):  # garbage instead of a negotiation, and after it
    for peer in (connected(), negotiated()):
        try:
            peer.sendall(random.randbytes(random.randrange(1, 4000)))
        except OSError:
            pass
        peer.close()
works()

halfway = negotiated()  # a write whose data never comes
halfway.sendall(request(1, 1, 0, 1 << 20) + b"half")
works()
halfway.close()
works()

silent = negotiated()  # thousands in flight, and no reply is ever read
silent.setblocking(False)
try:
    for cookie in range(20000):
        silent.sendall(request(0, cookie, 0, 65536))
except BlockingIOError:
    pass
works()
silent.close()
works()
print("unharmed")
)";

TEST_F(NbdTest, AHostileClientHarmsNobody) {
  MakeDisk(4);
  const std::string uri = AttachByNbd();
  const Outcome outcome = Python(kHostile, {socket_, std::to_string(4U << 20U)});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("unharmed"));
  EXPECT_GT(ServerOf(uri), 0);
  Detach(uri);
  ExpectStoreIsSound();
}

TEST_F(NbdTest, AReadOnlyDiskIsServedToSeveralAndTakesNoWrites) {
  MakeDisk(4);
  const std::string uri = AttachByNbd({"--read-only"});
  EXPECT_TRUE(DiskClient(uri, DiskClient::For::kReading).valid());
  EXPECT_FALSE(DiskClient(uri, DiskClient::For::kWriting).valid());
  const Attached second = Attach(Path("second.nbd"), {"--export", "nbd", "--read-only"});
  Detach(second.path);
  Detach(uri);
}

TEST_F(NbdTest, TheStoreOfARunningDiskIsFullForOthersAndGrows) {
  MakeDisk(16);
  Ok({"cow", "create", Path("small.cow"), "--origin", origin_, "--max-change", "1M"});
  store_ = Path("small.cow");
  const std::string uri = AttachByNbd();
  {
    const DiskClient client(uri, DiskClient::For::kWriting);
    ASSERT_TRUE(client.valid());
    EXPECT_FALSE(client.Write(0, std::string(std::size_t{8} << 20U, 'x')));
    Ok({"cow", "grow", uri});
    EXPECT_TRUE(client.Write(0, std::string(std::size_t{8} << 20U, 'x')));
    EXPECT_TRUE(client.Flush());
  }
  Detach(uri);
}

TEST_F(NbdTest, NbdkitServesAStoreThatNobodyAttached) {
  MakeDisk(4);
  const std::string plugin =
      std::filesystem::path(support::Program()).parent_path() / "nbdkit-veneer-plugin.so";
  const auto nbdkit = [&](const std::string& client) {
    return support::Run(
        {"nbdkit", "-U", "-", plugin, "store=" + store_, "origin=" + origin_, "--run", client});
  };
  EXPECT_EQ(nbdkit("qemu-io -f raw -c 'write -P 5 0 8k' $uri").status, 0);
  ExpectStoreIsSound();
  const std::string uri = AttachByNbd();
  MustRun({"qemu-io", "-f", "raw", "-c", "read -P 5 0 8k", uri});
  const Outcome second = nbdkit("true");
  EXPECT_NE(second.status, 0);
  EXPECT_THAT(second.err, HasSubstr("in use"));
  Detach(uri);
}

}  // namespace
}  // namespace veneer::scenario
