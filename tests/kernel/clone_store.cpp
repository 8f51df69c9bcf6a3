// clone_store ROOT RUN DEVICE CLONE: clones the store of a disk of the kernel's way, as a program
// of its own that a test can kill.
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "backend/dm/host_dm_backend.h"
#include "backend/instance.h"

namespace veneer {
namespace {

Result<StoreClone> Clone(std::span<char* const> arguments) {
  const std::string instance = VENEER_TRY(InstanceOf(arguments[0]));
  HostDmBackend backend({.run_dir = arguments[1], .instance = instance});
  return backend.CloneStore(arguments[2], arguments[3]);
}

}  // namespace
}  // namespace veneer

int main(int count, char** arguments) {
  // Something that does nothing: what a tracer sees before that is the loader's.
  if (count != 5) return EXIT_SUCCESS;
  const auto cloned = veneer::Clone(std::span(arguments, 5).subspan(1));
  if (cloned) return EXIT_SUCCESS;
  std::fputs((cloned.error().what + "\n").c_str(), stderr);
  return EXIT_FAILURE;
}
