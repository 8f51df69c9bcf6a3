#include "export/fuse/fuse_file.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/result.h"

namespace veneer {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
// Attributes change only through this mount: the kernel may keep them. It asks again after writes.
constexpr double kAttributesValidSeconds = 365.0 * 24 * 3600;

std::int64_t NowNanos() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

timespec ToTimespec(std::int64_t nanos) {
  return {.tv_sec = nanos / kNanosPerSecond, .tv_nsec = nanos % kNanosPerSecond};
}

FuseFile& FileOf(fuse_req_t request) { return *static_cast<FuseFile*>(fuse_req_userdata(request)); }

ByteOffset ToOffset(off_t at) { return ByteOffset(static_cast<std::uint64_t>(at)); }

// Bytes of [at, at + length) that are on the disk.
Bytes Inside(const CowDisk& disk, ByteOffset at, std::uint64_t length) {
  if (at.value() >= disk.size().value()) return {};
  return std::min(Bytes(length), disk.size() - Bytes(at.value()));
}

void ReplyAttributes(fuse_req_t request) {
  const struct stat status = FileOf(request).Attributes();
  fuse_reply_attr(request, &status, kAttributesValidSeconds);
}

// An unanswered request would hang its caller: every path below replies exactly once.
void ReplyResult(fuse_req_t request, const Result<void>& result) {
  fuse_reply_err(request, result ? 0 : ErrnoOf(result.error()));
}

void Init(void* /*file*/, fuse_conn_info* connection) {
  connection->max_write = static_cast<unsigned>(kFuseRequestLimit.value());
  // Requests in flight of asynchronous direct I/O; the default of 12 would limit queue depth.
  connection->max_background = 64;
  connection->congestion_threshold = 48;
  // Opening with O_TRUNC then shows as a change of size, which is refused.
  connection->want &= ~unsigned{FUSE_CAP_ATOMIC_O_TRUNC};
  // It keeps no pages of this file that a new mtime would have to drop.
  connection->want &= ~unsigned{FUSE_CAP_AUTO_INVAL_DATA};
  // Data is wanted in memory; a pipe in between costs more than it saves.
  connection->want &= ~(unsigned{FUSE_CAP_SPLICE_READ} | unsigned{FUSE_CAP_SPLICE_WRITE} |
                        unsigned{FUSE_CAP_SPLICE_MOVE});
  connection->want |=
      connection->capable & (unsigned{FUSE_CAP_ASYNC_DIO} | unsigned{FUSE_CAP_ASYNC_READ});
}

void Lookup(fuse_req_t request, fuse_ino_t /*parent*/, const char* /*name*/) {
  fuse_reply_err(request, ENOTDIR);
}

void GetAttributes(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* /*info*/) {
  ReplyAttributes(request);
}

void SetAttributes(fuse_req_t request, fuse_ino_t /*inode*/, struct stat* wanted, int fields,
                   fuse_file_info* /*info*/) {
  FuseFile& file = FileOf(request);
  const bool resize = (fields & FUSE_SET_ATTR_SIZE) != 0 &&
                      static_cast<std::uint64_t>(wanted->st_size) != file.disk().size().value();
  if (resize) {
    fuse_reply_err(request, EPERM);
    return;
  }
  file.SetAttributes(*wanted, fields);
  ReplyAttributes(request);
}

void Open(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* info) {
  FuseFile& file = FileOf(request);
  const bool writes = (info->flags & O_ACCMODE) != O_RDONLY;
  if (writes && file.disk().access() == DiskAccess::kReadOnly) {
    fuse_reply_err(request, EROFS);
    return;
  }
  // Past the page cache, however it was opened: what it would keep the host has already, in the
  // image's own pages, which all disks share, and in the store's.
  info->direct_io = 1;
  file.Opened();
  // Whoever opened it was interrupted: no release follows.
  if (fuse_reply_open(request, info) == -ENOENT) file.Closed();
}

// After the last descriptor and the last mapping of an open.
void Release(fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* /*info*/) {
  FileOf(request).Closed();
  ReplyResult(request, {});
}

void Read(fuse_req_t request, fuse_ino_t /*inode*/, std::size_t size, off_t offset,
          fuse_file_info* /*info*/) {
  CowDisk& disk = FileOf(request).disk();
  const Bytes length = Inside(disk, ToOffset(offset), size);
  // One buffer a thread: a fresh one for each request would cost its page faults each time.
  thread_local std::vector<std::byte> buffer;
  if (buffer.size() < length.value()) buffer.resize(length.value());
  const std::span<std::byte> out = std::span(buffer).first(length.value());
  const Result<void> read = disk.Read(ToOffset(offset), out);
  if (!read) {
    ReplyResult(request, read);
    return;
  }
  fuse_reply_buf(request, reinterpret_cast<const char*>(out.data()), out.size());
}

void Write(fuse_req_t request, fuse_ino_t /*inode*/, const char* data, std::size_t size,
           off_t offset, fuse_file_info* info) {
  FuseFile& file = FileOf(request);
  const Bytes length = Inside(file.disk(), ToOffset(offset), size);
  // As on a block device: up to its end, and then there is no space.
  if (length == Bytes(0) && size != 0) {
    fuse_reply_err(request, ENOSPC);
    return;
  }
  const auto bytes = std::as_bytes(std::span(data, length.value()));
  Result<void> written = file.disk().Write(ToOffset(offset), bytes);
  // Past its page cache the kernel sends no FSYNC after such a write: it leaves that to us.
  // (O_SYNC contains O_DSYNC; RWF_DSYNC comes here as it does.)
  if (written && (info->flags & O_DSYNC) != 0) written = file.disk().Flush();
  if (!written) {
    ReplyResult(request, written);
    return;
  }
  file.Touch();
  fuse_reply_write(request, length.value());
}

void Sync(fuse_req_t request, fuse_ino_t /*inode*/, int /*data_only*/, fuse_file_info* /*info*/) {
  CowDisk& disk = FileOf(request).disk();
  ReplyResult(request, disk.access() == DiskAccess::kReadOnly ? Result<void>{} : disk.Flush());
}

void Allocate(fuse_req_t request, fuse_ino_t /*inode*/, int mode, off_t offset, off_t length,
              fuse_file_info* /*info*/) {
  FuseFile& file = FileOf(request);
  const bool zeroes = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ||
                      mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE) ||
                      mode == FALLOC_FL_ZERO_RANGE;
  const ByteOffset at = ToOffset(offset);
  const Bytes inside = Inside(file.disk(), at, static_cast<std::uint64_t>(length));
  const bool grows =
      mode == FALLOC_FL_ZERO_RANGE && inside.value() != static_cast<std::uint64_t>(length);
  // Plain preallocation would be a promise that the store cannot keep.
  if (!zeroes || grows) {
    fuse_reply_err(request, EOPNOTSUPP);
    return;
  }
  const Result<void> zeroed =
      inside == Bytes(0) ? Result<void>{} : file.disk().WriteZeroes(at, inside);
  if (zeroed) file.Touch();
  ReplyResult(request, zeroed);
}

// The end of the data that `from` lies in; `from` itself where it lies in none.
Result<ByteOffset> NextHole(CowDisk& disk, ByteOffset from) {
  ByteOffset at = from;
  while (at.value() < disk.size().value()) {
    const Extent data = VENEER_TRY(disk.NextData(at));
    if (data.length == Bytes(0) || data.begin > at) break;
    at = data.end();
  }
  return at;
}

Result<ByteOffset> NextDataOrError(CowDisk& disk, ByteOffset from) {
  const Extent data = VENEER_TRY(disk.NextData(from));
  if (data.length == Bytes(0)) return FailErrno(ENXIO, "seek to data");
  return std::max(data.begin, from);
}

void Seek(fuse_req_t request, fuse_ino_t /*inode*/, off_t offset, int whence,
          fuse_file_info* /*info*/) {
  CowDisk& disk = FileOf(request).disk();
  if (offset < 0 || ToOffset(offset).value() >= disk.size().value()) {
    fuse_reply_err(request, ENXIO);
    return;
  }
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    fuse_reply_err(request, EINVAL);
    return;
  }
  const Result<ByteOffset> found = whence == SEEK_DATA ? NextDataOrError(disk, ToOffset(offset))
                                                       : NextHole(disk, ToOffset(offset));
  if (!found) {
    fuse_reply_err(request, ErrnoOf(found.error()));
    return;
  }
  fuse_reply_lseek(request, static_cast<off_t>(found->value()));
}

// A loop device takes the block size as the granularity of its discards: whole chunks give their
// blocks back, parts of chunks would have to be written.
void StatFileSystem(fuse_req_t request, fuse_ino_t /*inode*/) {
  const CowDisk& disk = FileOf(request).disk();
  struct statvfs status{};
  status.f_bsize = disk.chunk_size().value();
  status.f_frsize = disk.chunk_size().value();
  status.f_blocks = (disk.size() + disk.chunk_size() - Bytes(1)) / disk.chunk_size();
  status.f_files = 1;
  fuse_reply_statfs(request, &status);
}

// No flush operation: closing promises nothing, and without it libfuse tells the kernel not to ask.
fuse_lowlevel_ops MakeOperations() {
  fuse_lowlevel_ops operations{};
  operations.init = Init;
  operations.lookup = Lookup;
  operations.getattr = GetAttributes;
  operations.setattr = SetAttributes;
  operations.open = Open;
  operations.release = Release;
  operations.read = Read;
  operations.write = Write;
  operations.fsync = Sync;
  operations.fallocate = Allocate;
  operations.lseek = Seek;
  operations.statfs = StatFileSystem;
  return operations;
}

}  // namespace

FuseFile::FuseFile(CowDisk& disk) : disk_(disk), changed_ns_(NowNanos()) {
  const mode_t mode = disk.access() == DiskAccess::kReadOnly ? 0400 : 0600;
  status_.st_ino = FUSE_ROOT_ID;
  status_.st_nlink = 1;
  status_.st_mode = S_IFREG | mode;
  status_.st_uid = ::geteuid();
  status_.st_gid = ::getegid();
  status_.st_size = static_cast<off_t>(disk.size().value());
  status_.st_blksize = static_cast<blksize_t>(disk.chunk_size().value());
  status_.st_blocks = static_cast<blkcnt_t>((disk.size() + Bytes(511)) / kSectorSize);
  status_.st_atim = status_.st_ctim = ToTimespec(changed_ns_);
}

const fuse_lowlevel_ops& FuseFile::Operations() {
  static const fuse_lowlevel_ops kOperations = MakeOperations();
  return kOperations;
}

struct stat FuseFile::Attributes() const {
  const std::lock_guard lock(mutex_);
  struct stat status = status_;
  status.st_mtim = ToTimespec(changed_ns_);
  return status;
}

void FuseFile::SetAttributes(const struct stat& wanted, int fields) {
  const std::int64_t now = NowNanos();
  const auto has = [&](int field) { return (fields & field) != 0; };
  const std::lock_guard lock(mutex_);
  constexpr mode_t kPermissions = 07777;
  if (has(FUSE_SET_ATTR_MODE)) status_.st_mode = S_IFREG | (wanted.st_mode & kPermissions);
  if (has(FUSE_SET_ATTR_UID)) status_.st_uid = wanted.st_uid;
  if (has(FUSE_SET_ATTR_GID)) status_.st_gid = wanted.st_gid;
  if (has(FUSE_SET_ATTR_ATIME)) status_.st_atim = wanted.st_atim;
  if (has(FUSE_SET_ATTR_ATIME_NOW)) status_.st_atim = ToTimespec(now);
  if (has(FUSE_SET_ATTR_MTIME)) {
    changed_ns_ = wanted.st_mtim.tv_sec * kNanosPerSecond + wanted.st_mtim.tv_nsec;
  }
  if (has(FUSE_SET_ATTR_MTIME_NOW)) changed_ns_ = now;
  status_.st_ctim = ToTimespec(now);
}

void FuseFile::Touch() { changed_ns_ = NowNanos(); }

}  // namespace veneer
