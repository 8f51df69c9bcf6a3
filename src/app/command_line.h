// The command line: parses, runs one command, reports, and yields the exit status.
//
// Exit status: 0 done, 1 failed, 2 usage, 3 no such object, 4 conflict, 5 no space, 6 corrupt or
// mismatched data, 7 not supported on this host. Only `main` calls this.
#pragma once

namespace veneer {

int RunCommandLine(int argc, char** argv);

}  // namespace veneer
