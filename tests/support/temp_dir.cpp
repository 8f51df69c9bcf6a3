#include "support/temp_dir.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "support/process.h"

namespace veneer::support {

void WriteFile(const std::string& path, std::string_view contents) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  if (!file.flush()) throw std::runtime_error("write " + path);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ReadHead(const std::string& path, std::size_t size) {
  std::ifstream file(path, std::ios::binary);
  std::string head(size, '\0');
  file.read(head.data(), static_cast<std::streamsize>(size));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

void MakeZeros(const std::string& path, std::size_t size) {
  WriteFile(path, "");
  std::filesystem::resize_file(path, size);
}

std::string Sha256(const std::string& path) {
  const Outcome sum = Run({"sha256sum", path});
  return sum.status == 0 ? sum.out.substr(0, sum.out.find(' ')) : "";
}

std::string Fixture(std::string_view name, const std::filesystem::path& directory) {
  const std::filesystem::path packed =
      std::filesystem::path(VENEER_FIXTURES) / (std::string(name) + ".zst");
  const std::string unpacked = directory / name;
  const Outcome zstd = Run({"zstd", "-q", "-d", "-f", "--sparse", packed, "-o", unpacked});
  if (zstd.status != 0) throw std::runtime_error("zstd " + packed.string() + ": " + zstd.err);
  return unpacked;
}

}  // namespace veneer::support
