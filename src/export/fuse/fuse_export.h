// FuseExport: a disk as a regular file, mounted over a file of the host.
//
//   $ veneer cow attach … --at /srv/disk      /srv/disk is the disk now; what was there is covered
//
// Serves with threads of its own, at most FuseMountOptions::threads, until the file is unmounted,
// by whomever (umount2 of Mounts::Unmount is the way to stop it). The mount table shows it as type
// "fuse.veneer" with FuseMountOptions::source as its source. Root gives every user access that the
// file's mode and owner allow; another user's mount is made by fusermount3 and is that user's own.
//
// Never touch the mounted file from a thread that shares descriptors with this export: if the
// process were killed meanwhile, the thread would wait for the server, and the server's end of the
// connection would wait for the thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cow/cow_disk.h"
#include "kernel/linux/linux_file.h"

namespace veneer {

inline constexpr const char* kFuseMountType = "fuse.veneer";

struct FuseMountOptions {
  std::string path;    // of a regular file that exists, absolute
  std::string source;  // for the mount table
  unsigned threads = 10;
};

class FuseExport {
 public:
  // The file can be opened when this returns. `disk` outlives the export. kUnsupported: no FUSE
  // here; kFailed: no permission to mount.
  static Result<std::unique_ptr<FuseExport>> Mount(CowDisk& disk, const FuseMountOptions& options);

  FuseExport(const FuseExport&) = delete;
  FuseExport& operator=(const FuseExport&) = delete;

  // Where it is still mounted: unmounts lazily and cuts the connection; waits for the threads.
  ~FuseExport();

  // What stat(2) gives for the mounted file, without asking for it.
  [[nodiscard]] const FileIdentity& identity() const;

  // Whether somebody has the file open or mapped, in whatever mount namespace: the kernel tells the
  // server. Who has just closed it may still count; who has it as O_PATH does not.
  [[nodiscard]] bool IsOpen() const;

  // An eventfd that polls as readable once it is unmounted and no request runs any more.
  [[nodiscard]] const UniqueFd& ended() const;

  // Cuts the connection: every user, in whatever mount namespace, gets ENOTCONN from now on. For
  // copies of the mount that outlived the unmount. kUnsupported without being root.
  Result<void> Abort();

 private:
  struct Parts;
  explicit FuseExport(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace veneer
