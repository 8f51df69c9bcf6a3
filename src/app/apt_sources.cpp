#include "app/apt_sources.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace veneer {
namespace {

std::vector<std::string> WordsOf(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool Has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "deb [options] uri suite component…"
bool OneLineOffers(const std::string& line, std::string_view suite) {
  const std::vector<std::string> words = WordsOf(line);
  if (words.empty() || words.front() != "deb") return false;
  const auto at = std::ranges::find(words, suite);
  return at != words.end() && std::find(at, words.end(), "main") != words.end();
}

// A deb822 stanza, line by line: it is over at an empty line.
struct Stanza {
  bool binary = false;
  bool suite = false;
  bool main = false;
  bool disabled = false;

  void Read(const std::string& line, std::string_view wanted_suite) {
    const std::vector<std::string> words = WordsOf(line);
    if (words.empty()) return;
    if (words.front() == "Types:") binary = Has(words, "deb");
    if (words.front() == "Suites:") suite = Has(words, wanted_suite);
    if (words.front() == "Components:") main = Has(words, "main");
    if (words.front() == "Enabled:") disabled = Has(words, "no");
  }
  [[nodiscard]] bool Offers() const { return binary && suite && main && !disabled; }
};

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

}  // namespace

std::string DebianCodename(std::string_view os_release) {
  std::istringstream lines{std::string(os_release)};
  std::string codename;
  bool debian = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ID=")) debian = Unquoted(line.substr(3)) == "debian";
    if (line.starts_with("VERSION_CODENAME=")) codename = Unquoted(line.substr(17));
  }
  return debian ? codename : "";
}

bool OffersMainOf(std::string_view text, std::string_view suite) {
  std::istringstream lines{std::string(text)};
  Stanza stanza;
  for (std::string line; std::getline(lines, line);) {
    if (OneLineOffers(line, suite)) return true;
    if (!WordsOf(line).empty()) {
      stanza.Read(line, suite);
      continue;
    }
    if (stanza.Offers()) return true;
    stanza = {};
  }
  return stanza.Offers();
}

std::vector<std::string> FindAptSources(std::string_view suite) {
  std::vector<std::string> found;
  const auto consider = [&](const std::filesystem::path& path) {
    if (OffersMainOf(Contents(path), suite)) found.push_back(path);
  };
  consider("/etc/apt/sources.list");
  std::error_code none;  // no such directory: no sources
  for (const auto& entry : std::filesystem::directory_iterator("/etc/apt/sources.list.d", none)) {
    const std::filesystem::path extension = entry.path().extension();
    if (extension == ".sources" || extension == ".list") consider(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace veneer
