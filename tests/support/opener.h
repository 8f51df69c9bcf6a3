// A program that has a file or a device open until it is dropped.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

#include "support/process.h"

namespace veneer::support {

class Opener {
 public:
  explicit Opener(const std::string& path)
      : child_({"sh", "-c", "exec 3<\"$0\" && echo open && exec sleep 600", path}) {
    EXPECT_TRUE(child_.WaitForOutput("open", std::chrono::minutes(1)));
  }

  // As it is named as a holder.
  [[nodiscard]] std::string Name() const {
    return "held by pid " + std::to_string(child_.pid()) + " (sleep)";
  }

  // It closes the file by ending.
  void Leave() const { child_.Signal(SIGKILL); }

 private:
  Child child_;
};

}  // namespace veneer::support
