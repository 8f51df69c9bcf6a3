// A state directory with models of both backends, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "backend/testing/fake_backend.h"
#include "base/testing/recording_log.h"
#include "kernel/testing/temp_directory.h"
#include "sandbox/host.h"
#include "sandbox/lifecycle.h"
#include "sandbox/templates.h"
#include "vm/testing/fake_vmm.h"

namespace veneer::testing {

class SandboxTest : public ::testing::Test {
 protected:
  SandboxTest() {
    EXPECT_TRUE(layout_.Prepare());
    MakeFile(source_, MiB(4));
    Write(source_, 0, "template");
    const auto imported = Templates(host_).Import({.name = "base", .source = source_});
    EXPECT_TRUE(imported) << imported.error().what;
    if (imported) base_ = *imported;
  }

  static void Write(const std::string& path, std::streamoff at, const std::string& text) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << text;
    EXPECT_TRUE(file.flush()) << path;
  }
  static std::string Read(const std::string& path, std::streamoff at, std::size_t size) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(at);
    std::string text(size, '\0');
    file.read(text.data(), static_cast<std::streamsize>(size));
    return file ? text : "";
  }

  [[nodiscard]] static std::vector<std::string> FilesIn(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  SandboxRecord Create(const std::string& name = "") {
    const auto record = lifecycle_.Create({.template_reference = "base", .name = name});
    EXPECT_TRUE(record) << record.error().what;
    return record.value_or(SandboxRecord{});
  }
  [[nodiscard]] SandboxRecord Recorded(const std::string& reference) const {
    const auto record = catalog_->Sandbox(reference);
    EXPECT_TRUE(record) << record.error().what;
    return record.value_or(SandboxRecord{});
  }
  [[nodiscard]] bool Exists(const std::string& reference) const {
    return catalog_->Sandbox(reference).has_value();
  }

  // As a command leaves it that was killed on the way.
  void LeaveIn(SandboxState state, SandboxRecord record) {
    record.state = state;
    EXPECT_TRUE(catalog_->Update(record));
  }

  TempDirectory directory_;
  std::string source_ = directory_ / "source.img";
  Layout layout_{directory_ / "root", directory_ / "run"};
  FakeBackend dm_{directory_ / "dm", BackendKind::kDm};
  FakeBackend user_{directory_ / "user", BackendKind::kUser};
  BackendSet backends_{dm_, user_};
  FakeVmm vmm_;
  Result<Catalog> catalog_ = Catalog::Open(layout_.root());
  RecordingLog log_;
  unsigned collections_ = 0;
  Host host_{.catalog = *catalog_,
             .backends = backends_,
             .vmm = vmm_,
             .layout = layout_,
             .log = log_,
             .reserve = {.percent = 0, .size = Bytes(0)},
             .now = [] { return Timestamp(std::chrono::seconds(1'700'000'000)); },
             .boot_id = [] { return std::string("this boot"); },
             .collect = [this](GcMode) -> Result<GcReport> {
               ++collections_;
               return GcReport{};
             }};
  Lifecycle lifecycle_{host_};
  TemplateRecord base_;
};

}  // namespace veneer::testing
