// A snapshot's life, by Veneer's library; docs/library.md explains it.
//
//   snapshot IMAGE STORE OUTPUT         what STORE uses; IMAGE and STORE merged into OUTPUT
//   snapshot IMAGE STORE OUTPUT NAME    before that: makes STORE, writes to /dev/mapper/veneer-NAME
#include <veneer/veneer.h>

#include <fstream>
#include <iostream>
#include <string>

namespace {

veneer::Result<void> MakeAndWrite(const veneer::SnapshotRequest& request) {
  auto host = VENEER_TRY(veneer::DiskHost::Open(veneer::BackendKind::kDm));
  const auto stale = VENEER_TRY(veneer::CleanUpStale(host, veneer::GcMode::kRemove));
  std::cout << "found " << stale.adopted.size() << " alive, removed " << stale.removed.size()
            << '\n';
  const auto made_from = VENEER_TRY(veneer::IdentifyTemplate(request.origin));

  const auto made = VENEER_TRY(veneer::CreateSnapshot(host, request));
  std::fstream(made.path, std::ios::in | std::ios::out | std::ios::binary) << "changed\n";
  VENEER_TRY(veneer::RemoveSnapshot(host, made.path));

  const auto again = VENEER_TRY(veneer::RestoreSnapshot(host, request, made_from));
  std::string line;
  std::getline(std::ifstream(again.path, std::ios::binary), line);
  std::cout << again.path << " holds: " << line << '\n';
  return veneer::RemoveSnapshot(host, again.path);
}

veneer::Result<void> Run(const veneer::SnapshotRequest& request, const std::string& output) {
  if (!request.name.empty()) VENEER_TRY(MakeAndWrite(request));
  const auto size = VENEER_TRY(veneer::OriginSize(request.origin));
  const auto usage = VENEER_TRY(veneer::DiskUsage(request.store));
  std::cout << usage.changed.value() << " of " << size.value() << " bytes changed, "
            << usage.used.value() << " used\n";
  VENEER_TRY(veneer::Flatten({.origin = request.origin, .store = request.store, .output = output}));
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) return 2;
  const auto done =
      Run({.origin = words[1], .store = words[2], .name = count > 4 ? words[4] : ""}, words[3]);
  if (!done) std::cerr << done.error().what << "; " << done.error().hint << '\n';
  return done ? 0 : veneer::ExitStatus(done.error().kind);
}
