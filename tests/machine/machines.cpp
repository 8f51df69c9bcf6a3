#include "machine/machines.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;

// One process that starts no others: an emulated CPU has better things to do.
constexpr const char* kCounter = R"PERL(
for (my $n = 1;; ++$n) {
  open my $file, ">", "/run/counting";
  print $file "$n\n";
  close $file;
  rename "/run/counting", "/run/counted";
  select undef, undef, undef, 0.2;
}
)PERL";

std::string CachedState() {
  const support::Outcome made = support::Run({VENEER_MACHINE_TEMPLATE, support::Program()},
                                             {.timeout = std::chrono::minutes(30)});
  EXPECT_EQ(made.status, 0) << made.err;
  return made.out.substr(0, made.out.find('\n'));
}

void CopyFile(const fs::path& from, const fs::path& to) {
  const support::Outcome copied =
      support::Run({"cp", "--sparse=always", from, to}, {.timeout = std::chrono::minutes(10)});
  EXPECT_EQ(copied.status, 0) << copied.err;
}

}  // namespace

void MachinesTest::SetUp() {
  const fs::path cached = CachedState();
  // Beside it, so that links are possible.
  if (!InGuest()) root_ = cached.string() + ".test." + fs::path(dir_.path()).filename().string();
  fs::create_directories(fs::path(root_) / "templates");
  fs::create_directories(fs::path(run_) / "vms");
  // The newest commits are in the log beside it.
  for (const char* name : {"catalog.db", "catalog.db-wal"}) {
    fs::copy(cached / "root" / name, fs::path(root_) / name);
  }
  fs::copy(cached / "run/vms/acceleration", fs::path(run_) / "vms/acceleration");
  InGuest() ? CopyTemplates(cached) : LinkTemplates(cached);
}

void MachinesTest::LinkTemplates(const fs::path& cached) const {
  for (const auto& entry : fs::directory_iterator(cached / "root/templates")) {
    fs::create_hard_link(entry.path(), fs::path(root_) / "templates" / entry.path().filename());
  }
}

// A guest sees them read-only, under an overlay in memory. All start from the snapshot there.
void MachinesTest::CopyTemplates(const fs::path& cached) const {
  const std::string ready = Ok({"template", "show", "ready"}).at("id");
  for (const auto& entry : fs::directory_iterator(cached / "root/templates")) {
    const fs::path own = fs::path(root_) / "templates" / entry.path().filename();
    entry.path().stem() == ready ? CopyFile(entry.path(), own)
                                 : fs::create_symlink(entry.path(), own);
  }
}

void MachinesTest::TearDown() {
  for (const json& sandbox : Ok({"ls"})) Ok({"destroy", sandbox.at("id").get<std::string>()});
  EXPECT_EQ(Leftovers(), std::vector<std::string>{});
  EXPECT_TRUE(support::Eventually([&] { return Machines().empty() && Keepers().empty(); },
                                  std::chrono::minutes(1)));
  for (const pid_t machine : Machines()) Kill(machine);
  TakeAway();
  fs::remove_all(root_);
}

bool MachinesTest::KillMachine() const {
  const std::vector<pid_t> machines = Machines();
  if (machines.size() != 1 || !Kill(machines.front())) return false;
  EXPECT_TRUE(support::Eventually([&] { return Keepers().empty(); }, std::chrono::minutes(1)));
  return true;
}

json MachinesTest::Boot(const std::string& name) const {
  return Ok({"create", "ready", "--boot", "--name", name, "--backend", Backend()});
}

support::Outcome MachinesTest::Exec(const std::string& name,
                                    const std::vector<std::string>& command,
                                    const std::vector<std::string>& options) const {
  std::vector<std::string> arguments{"exec", name};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), command.begin(), command.end());
  return Veneer(arguments);
}

std::string MachinesTest::Said(const std::string& name, const std::string& script) const {
  const support::Outcome outcome = Exec(name, {"sh", "-c", script});
  EXPECT_EQ(outcome.status, 0) << script << ": " << outcome.out << outcome.err;
  return outcome.out;
}

void MachinesTest::StartCounter(const std::string& name) const {
  Said(name, std::string("perl -e '") + kCounter +
                 "' </dev/null >/dev/null 2>&1 & until [ -s /run/counted ]; do sleep 1; done");
}

long MachinesTest::Counted(const std::string& name) const {
  return std::strtol(Said(name, "cat /run/counted").c_str(), nullptr, 10);
}

}  // namespace veneer::lifecycle
