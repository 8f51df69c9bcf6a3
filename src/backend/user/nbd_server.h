// NbdServer: one disk that is attached by NBD, from the lock on its store to the socket.
//
// It lives inside nbdkit, which has the socket's descriptor, serves the disk with threads of its
// own, and accepts nobody before the start is over. The verbs are for one thread.
#pragma once

#include <memory>
#include <optional>

#include "backend/user/attachment.h"
#include "backend/user/disk_service.h"
#include "backend/user/host_ports.h"
#include "backend/user/messages.h"
#include "backend/user/served_disk.h"
#include "backend/user/taken_place.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "export/nbd/nbdkit_callbacks.h"

namespace veneer {

class NbdServer final : public DiskService {
 public:
  // Attaches, and makes `socket`, a new one, listen at request.at. The errors are those of
  // AttachDisk. On failure nothing is left behind. `ports` outlive the server.
  static Result<std::unique_ptr<NbdServer>> Start(const AttachRequest& request,
                                                  const HostPorts& ports, int socket);

  // Where it is still attached: takes everything away, in use or not, after a last try to flush.
  ~NbdServer() override;

  // In use is a disk that a client is connected to.
  Result<void> Detach() override;
  Result<void> Finish() override;

  [[nodiscard]] bool attached() const override { return disk_ != nullptr; }
  [[nodiscard]] const DiskRecord& record() const override { return record_; }
  [[nodiscard]] ServedDisk& disk() override { return *disk_; }
  [[nodiscard]] const UniqueFd& control() const override { return place_.control(); }
  [[nodiscard]] int taken_away() const override { return -1; }  // only a detach can

  [[nodiscard]] Attachment attachment() const;
  [[nodiscard]] NbdkitDisk& served() { return *served_; }

 private:
  NbdServer() = default;

  Result<void> TakePlace(const AttachRequest& request, const HostPorts& ports, int socket);
  std::unexpected<Error> Busy() const;

  DiskRecord record_;
  TakenPlace place_;
  std::unique_ptr<ServedDisk> disk_;
  std::optional<NbdkitDisk> served_;
};

// Whether the store's file system can punch holes, and so zero without writing.
FastZero FastZeroOn(const LinuxFile& store);

}  // namespace veneer
