// A directory of a test's own, and small file helpers.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/testing/temp_directory.h"

namespace veneer::support {

using TempDir = veneer::testing::TempDirectory;

void WriteFile(const std::string& path, std::string_view contents);
std::string ReadFile(const std::string& path);

// The first `size` bytes, or all there are.
std::string ReadHead(const std::string& path, std::size_t size);

// A sparse file of zeros.
void MakeZeros(const std::string& path, std::size_t size);

// SHA-256 of a file in hex; empty where it cannot be read.
std::string Sha256(const std::string& path);

// Unpacks tests/fixtures/NAME.zst into `directory`, with its holes, and returns the path.
std::string Fixture(std::string_view name, const std::filesystem::path& directory);

}  // namespace veneer::support
