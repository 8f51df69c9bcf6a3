#include "kernel/dm_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "backend/dm/disk_record.h"
#include "backend/instance.h"
#include "base/unique_fd.h"
#include "kernel/linux/read_text.h"

namespace veneer::kernel_test {
namespace {

namespace fs = std::filesystem;

using ::testing::IsEmpty;

}  // namespace

void DmHost::SetUp() {
  const auto instance = InstanceOf(root_);
  ASSERT_TRUE(Succeeds(instance));
  dm_ = std::make_unique<DmBackend>(
      DmPorts{.devices = devices_, .loops = loops_, .holders = holders_},
      DmPlace{.run_dir = run_, .instance = *instance}, std::chrono::seconds(2));
  user_ = std::make_unique<UserBackend>(run_, support::Program());
  ASSERT_TRUE(Succeeds(dm_->RequireHost()));
}

void DmHost::TearDown() {
  if (HasFailure()) {
    // Whatever the test was about: the next one starts on a clean host.
    for (const std::string& device : Devices()) devices_.Remove(device).Ignore("cleaning up");
    for (const std::string& device : Devices()) devices_.Remove(device).Ignore("its origin");
    return;
  }
  ExpectNothingIsLeft();
}

void DmHost::MakeImage(Bytes size) { support::WriteFile(image_, Pattern(size.value(), 1)); }

void DmHost::MakeStore(const std::string& disk, const std::string& chunk_size,
                       const std::vector<std::string>& options) const {
  std::vector<std::string> arguments{"cow",  "create",       StoreOf(disk), "--origin",
                                     image_, "--chunk-size", chunk_size};
  arguments.insert(arguments.end(), options.begin(), options.end());
  Ok(arguments);
}

std::vector<std::string> DmHost::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), support::Program());
  arguments.insert(arguments.end(), {"--root", root_, "--run", run_});
  return arguments;
}

support::Outcome DmHost::Veneer(std::vector<std::string> arguments) const {
  return support::Run(Command(std::move(arguments)), {.timeout = std::chrono::minutes(10)});
}

std::string DmHost::Ok(const std::vector<std::string>& arguments) const {
  const support::Outcome outcome = Veneer(arguments);
  EXPECT_EQ(outcome.status, 0) << fmt::format("{}", arguments.at(1)) << ": " << outcome.err;
  return outcome.out;
}

std::string DmHost::MustRun(const std::vector<std::string>& argv) {
  const support::Outcome outcome = support::Run(argv, {.timeout = std::chrono::minutes(10)});
  EXPECT_EQ(outcome.status, 0) << argv[0] << ": " << outcome.out << outcome.err;
  return outcome.out;
}

DiskRequest DmHost::Request(const std::string& disk) const {
  return {.store = StoreOf(disk), .origin = image_, .name = disk, .at = Path("disk-" + disk)};
}

std::string DmHost::Attach(DiskBackend& backend, const std::string& disk) {
  const auto attached = backend.Attach(Request(disk));
  EXPECT_TRUE(Succeeds(attached));
  return attached ? attached->path : "";
}

void DmHost::Detach(DiskBackend& backend, const std::string& path) {
  EXPECT_TRUE(Succeeds(backend.Detach(path)));
}

std::string DmHost::Read(const std::string& path, std::size_t at, std::size_t length) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string data(length, '?');
  const ssize_t n = ::pread(fd.get(), data.data(), length, static_cast<off_t>(at));
  data.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return data;
}

int DmHost::Write(const std::string& path, std::size_t at, std::string_view data) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return errno;
  const ssize_t n = ::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(at));
  if (n < 0 || ::fsync(fd.get()) != 0) return errno;
  return static_cast<std::size_t>(n) == data.size() ? 0 : EIO;
}

std::string DmHost::Flattened(const std::string& disk) const {
  Ok({"cow", "check", StoreOf(disk), "--origin", image_});
  Ok({"cow", "flatten", StoreOf(disk), "--origin", image_, "--output", Path("flat"), "--force"});
  return support::ReadFile(Path("flat"));
}

std::vector<std::string> DmHost::Devices() {
  std::vector<std::string> names;
  const auto devices = devices_.List("VENEER-");
  EXPECT_TRUE(Succeeds(devices));
  if (devices) {
    for (const DmDevice& device : *devices) names.push_back(device.name);
  }
  return names;
}

std::vector<std::string> DmHost::Nodes() {
  std::vector<std::string> nodes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev/mapper", error)) {
    if (entry.path().filename() != "control") nodes.push_back(entry.path());
  }
  return nodes;
}

std::vector<std::string> DmHost::Loops() const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/block", error)) {
    const std::string backing = ReadLineOr(entry.path() / "loop/backing_file", "");
    if (backing.starts_with(dir_.path().string())) found.push_back(entry.path().filename());
  }
  return found;
}

std::vector<std::string> DmHost::Records() const { return dm::RecordedDisks(run_ + "/dm").value(); }

void DmHost::ExpectNothingIsLeft() {
  EXPECT_THAT(Devices(), IsEmpty());
  EXPECT_THAT(Nodes(), IsEmpty());
  EXPECT_THAT(Loops(), IsEmpty());
  EXPECT_THAT(Records(), IsEmpty());
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(run_, error)) {
    EXPECT_TRUE(entry.is_directory()) << "left behind: " << entry.path();
  }
}

}  // namespace veneer::kernel_test
