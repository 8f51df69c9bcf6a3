// For tests of imports: a directory of sources, made by a shell, and one of outputs.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "images/import.h"
#include "kernel/linux/child_process.h"
#include "kernel/linux/linux_file.h"
#include "kernel/testing/temp_directory.h"

namespace veneer::testing {

class ImportFixture : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(Output("")); }

  [[nodiscard]] std::string Source(std::string_view name) const { return dir_ / name; }
  [[nodiscard]] std::string Output(std::string_view name) const {
    return dir_ / ("out/" + std::string(name));
  }
  // Names in the directory of the outputs.
  [[nodiscard]] std::vector<std::string> Outputs() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(Output(""))) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  // Runs a script among the sources, and yields what it says. It must succeed.
  std::string Shell(const std::string& script) const {
    std::string out;
    ChildProgram program{.argv = {"sh", "-ec", "cd '" + dir_.path().string() + "'; " + script},
                         .package = "dash"};
    program.output = [&](std::string_view text) -> Result<void> {
      out += text;
      return {};
    };
    const auto end = RunChild(program);
    EXPECT_TRUE(end && end->status == 0) << script << "\n" << (end ? end->errors : "no shell");
    return out;
  }

  [[nodiscard]] Result<ImportReport> Import(std::string_view source,
                                            const ImportOptions& options = {}) const {
    return ImportImage(Source(source), Output("image"), options);
  }
  // It must fail, and leave nothing.
  [[nodiscard]] Error Refusal(std::string_view source, const ImportOptions& options = {}) const {
    const auto report = Import(source, options);
    EXPECT_FALSE(report);
    EXPECT_TRUE(Outputs().empty()) << Outputs().front();
    return report ? Error{} : report.error();
  }

  [[nodiscard]] std::unique_ptr<LinuxFile> Open(const std::string& path) const {
    return LinuxFile::Open(path, Access::kReadOnly).value();
  }
  [[nodiscard]] static std::vector<std::byte> Read(const File& file) {
    std::vector<std::byte> contents(file.Size().value().value());
    EXPECT_TRUE(file.ReadAt(ByteOffset(0), contents));
    return contents;
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  TempDirectory dir_;
};

}  // namespace veneer::testing
