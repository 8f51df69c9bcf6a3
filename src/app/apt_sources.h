// The machine's own APT sources, for a Debian root: which files offer the suite.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace veneer {

// The value of VERSION_CODENAME in the text of an os-release file where ID is debian; or empty.
std::string DebianCodename(std::string_view os_release);

// Does this text of a deb822 `.sources` or a one-line `.list` file offer packages of exactly this
// suite, component main? Third parties name their suites otherwise ("bookworm-pgdg") or offer
// other components.
bool OffersMainOf(std::string_view text, std::string_view suite);

// Files of /etc/apt that do so, sorted. Empty where there are none.
std::vector<std::string> FindAptSources(std::string_view suite);

}  // namespace veneer
