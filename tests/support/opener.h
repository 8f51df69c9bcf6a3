// A program that has a file or a device open until it is dropped.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "support/disk_client.h"
#include "support/process.h"

namespace veneer::support {

class Opener {
 public:
  explicit Opener(const std::string& path)
      : child_(Command(path)), name_(IsNbd(path) ? "python3" : "sleep") {
    EXPECT_TRUE(child_.WaitForOutput("open", std::chrono::minutes(1)));
  }

  // As it is named as a holder.
  [[nodiscard]] std::string Name() const {
    return "held by pid " + std::to_string(child_.pid()) + " (" + name_ + ")";
  }

  // It closes the file by ending.
  void Leave() const { child_.Signal(SIGKILL); }

 private:
  static std::vector<std::string> Command(const std::string& path) {
    if (!IsNbd(path)) return {"sh", "-c", "exec 3<\"$0\" && echo open && exec sleep 600", path};
    // Debian's: the bindings of libnbd are for that one.
    return {"/usr/bin/python3",
            "-m",
            "nbd",
            "-u",
            path,
            "-c",
            "import time; print('open', flush=True); time.sleep(600)"};
  }

  Child child_;
  std::string name_;
};

}  // namespace veneer::support
