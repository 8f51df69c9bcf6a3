// Runs another program (qemu-img, mkfs.ext4, tar, …) to its end.
//
// It has an owner: the kernel kills it (SIGKILL) when the thread that runs it dies, however that
// happens. It stays in the process group, so that Ctrl-C reaches it too. Its environment is PATH
// and LC_ALL=C, nothing else: no variable of the user's changes what it does or says. It has the
// descriptors that it is given, and no others.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace veneer {

struct ChildProgram {
  std::vector<std::string> argv;  // the first is looked for in PATH, /usr/sbin and /sbin
  std::string package;            // the Debian package that has it, for the hint

  const UniqueFd* input = nullptr;          // its stdin; /dev/null where there is none
  std::vector<const UniqueFd*> files = {};  // it finds them at InheritedPath(0), (1), …

  // Hears its stdout, in pieces; an error kills the program, and is the error. Empty: dropped.
  std::function<Result<void>(std::string_view)> output = {};
  // Hears its process id once it runs; an error kills it, and is the error. May be empty.
  std::function<Result<void>(pid_t)> started = {};
  // Called a few times a second while it runs; may be empty.
  std::function<void()> tick = {};
};

struct ChildEnd {
  int status = 0;      // 128 + n where signal n ended it
  std::string errors;  // the last lines of its stderr, 8 KiB at most
};

// The name under which a program finds an inherited file. It names the open file itself, also one
// without a name, and means nothing special to any program whatever the file was called.
std::string InheritedPath(std::size_t index);
// Its descriptor there.
int InheritedNumber(std::size_t index);

// The path of a program. kUnsupported, with the package to install, where there is none.
Result<std::string> PathOfProgram(const std::string& name, const std::string& package);

// Waits for its end. kUnsupported where the program is missing; its own failure is a status.
// Blocks; any thread.
Result<ChildEnd> RunChild(const ChildProgram& program);

}  // namespace veneer
