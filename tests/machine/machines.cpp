#include "machine/machines.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace veneer::lifecycle {
namespace {

namespace fs = std::filesystem;

std::string CachedState() {
  const support::Outcome made = support::Run({VENEER_MACHINE_TEMPLATE, support::Program()},
                                             {.timeout = std::chrono::minutes(30)});
  EXPECT_EQ(made.status, 0) << made.err;
  return made.out.substr(0, made.out.find('\n'));
}

}  // namespace

void MachinesTest::SetUp() {
  const fs::path cached = CachedState();
  // Beside it, so that links are possible.
  root_ = cached.string() + ".test." + fs::path(dir_.path()).filename().string();
  fs::create_directories(fs::path(root_) / "templates");
  fs::create_directories(fs::path(run_) / "vms");
  for (const auto& entry : fs::directory_iterator(cached / "root/templates")) {
    fs::create_hard_link(entry.path(), fs::path(root_) / "templates" / entry.path().filename());
  }
  // The newest commits are in the log beside it.
  for (const char* name : {"catalog.db", "catalog.db-wal"}) {
    fs::copy(cached / "root" / name, fs::path(root_) / name);
  }
  fs::copy(cached / "run/vms/acceleration", fs::path(run_) / "vms/acceleration");
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
  Said(name,
       "echo 0 >/run/counted; "
       "(n=0; while :; do n=$((n + 1)); echo $n >/run/counting; mv /run/counting /run/counted; "
       "sleep 0.05; done) >/dev/null 2>&1 &");
}

long MachinesTest::Counted(const std::string& name) const {
  return std::strtol(Said(name, "cat /run/counted").c_str(), nullptr, 10);
}

}  // namespace veneer::lifecycle
