// What the probe of the virtual machines' room found, for people.
#include <filesystem>
#include <string_view>
#include <system_error>

#include "app/doctor/host_check.h"
#include "vm/qemu/kvm_probe.h"

namespace veneer {
namespace {

// One of the files in a directory that can be read; empty where there is none.
template <class Accept>
std::string FileIn(const std::string& directory, const Accept& accept) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (accept(entry->path())) return entry->path();
  }
  return {};
}

std::string KernelToTry(const std::string& root) {
  std::string kernel = FileIn(root + "/templates", [](const std::filesystem::path& path) {
    return path.extension() == ".kernel";
  });
  if (!kernel.empty()) return kernel;
  return FileIn("/boot", [](const std::filesystem::path& path) {
    return path.filename().string().starts_with("vmlinuz");
  });
}

}  // namespace

HostCheck CheckKvm(const std::string& root) {
  KvmProbe probe = ProbeKvm(KernelToTry(root));
  HostCheck check{
      .name = "kvm", .ok = probe.answer == KvmAnswer::kBoots, .detail = std::move(probe.detail)};
  if (probe.answer == KvmAnswer::kNoQemu) {
    check.hint = "apt-get install qemu-system-x86";
  } else if (probe.answer == KvmAnswer::kNoKernel) {
    check.hint = "veneer template build brings one";
  } else if (!check.ok) {
    check.hint = "virtual machines are emulated: slower, and all else the same";
  }
  return check;
}

}  // namespace veneer
