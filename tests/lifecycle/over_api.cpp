// The API of a daemon, through a script that takes the command line's arguments.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

#include "lifecycle/asked.h"
#include "support/process.h"

namespace veneer::lifecycle {
namespace {

class Daemon {
 public:
  Daemon(const std::string& root, const std::string& run, const std::string& home)
      : process_({support::Program(), "daemon", "--json", "--root", root, "--run", run,
                  "--import-dir", home}) {
    ::setenv("VENEER_PROGRAM", support::Program().c_str(), 1);
    EXPECT_TRUE(process_.WaitForOutput("listening", std::chrono::minutes(1)));
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    process_.Signal(SIGTERM);
    const support::Outcome end = process_.Wait(std::chrono::minutes(1));
    EXPECT_EQ(end.status, 0) << end.err;
  }

 private:
  support::Child process_;
};

}  // namespace

std::string AskedProgram() { return VENEER_OVER_API; }

std::shared_ptr<void> BeginAsking(const std::string& root, const std::string& run,
                                  const std::string& home) {
  return std::make_shared<Daemon>(root, run, home);
}

}  // namespace veneer::lifecycle
