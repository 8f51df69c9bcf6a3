// What a disk's server has to say when nobody waits for an answer: to its standard error, which is
// KEY.log for a server that was started in the background, and to the system log.
#pragma once

#include <string>

namespace veneer {

// Where standard error is /dev/null, makes it the file; else leaves it alone. Best effort.
void StartLog(const std::string& path);

void Log(const std::string& message);

}  // namespace veneer
