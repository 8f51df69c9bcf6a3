// What a disk's server tells: to the one who started it, to the control socket, and to whoever
// finds it dead. Each is one line of JSON. Decoders are total.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backend/disk_backend.h"
#include "backend/disk_keeper.h"
#include "backend/user/attachment.h"
#include "base/result.h"
#include "base/units.h"
#include "cow/cow_disk.h"
#include "cow/store_fill.h"

namespace veneer {

// {"pid":812,"store":…,"origin":…,"path":…,"export":"fuse","device":"/dev/loop3"|null,
//  "read_only":false,"made":true}
struct DiskRecord {
  pid_t pid = 0;
  std::string store;
  std::string origin;
  std::string path;  // the mount point, or the socket
  ExportKind export_kind = ExportKind::kFuse;
  std::optional<std::string> device;
  DiskAccess access = DiskAccess::kReadWrite;
  // Whether the file under the mount was there before, or was made and goes with the disk.
  enum class MountPoint : std::uint8_t { kFound, kMade } mount_point = MountPoint::kFound;
};
std::string EncodeRecord(const DiskRecord& record);
Result<DiskRecord> DecodeRecord(std::string_view line);

// The ready message: {"path":…,"device":…,"pid":…} or {"error":{"kind":…,"errno":…,"what":…,
// "hint":…}}, which comes back as the same error.
std::string EncodeAttached(const Result<Attachment>& attached);
Result<Attachment> DecodeAttached(std::string_view line);

// {"op":"detach"}, {"op":"status"}, {"op":"fill"}, {"op":"grow","max_change":1048576},
// {"op":"clone","path":"/srv/clone.cow"}, {"op":"keep","mark":1048576,"term_ms":30000},
// {"op":"let_go","term_ms":30000}
enum class ControlOp : std::uint8_t { kDetach, kStatus, kFill, kGrow, kClone, kKeep, kLetGo };
struct ControlRequest {
  ControlOp op = ControlOp::kStatus;
  Bytes max_change{};                // kGrow: in bytes, at least 1
  std::string clone{};               // kClone: absolute, UTF-8
  Bytes mark{};                      // kKeep
  std::chrono::milliseconds term{};  // kKeep, kLetGo: at most an hour
};
std::string EncodeRequest(const ControlRequest& request);
Result<ControlRequest> DecodeRequest(std::string_view line);

// {"ok":true} or {"error":…}
std::string EncodeDone(const Result<void>& done);
Result<void> DecodeDone(std::string_view line);

// The answer to fill and grow: {"condition":"good","used":8192,"capacity":1048576} or {"error":…}
std::string EncodeFill(const Result<StoreFill>& fill);
Result<StoreFill> DecodeFill(std::string_view line);

// The answer to clone: {"method":"reflink","held_ms":0.4} or {"error":…}
std::string EncodeClone(const Result<StoreClone>& clone);
Result<StoreClone> DecodeClone(std::string_view line);

// The answer to status and keep: the record's members, "held":false, "fill":{…} as above, and
// "counters":{"reads":…,"writes":…,"flushes":…,"errors":…,"bytes_read":…,"bytes_written":…}; or
// {"error":…}
std::string EncodeStatus(const DiskRecord& record, const DiskActivity& activity);
Result<DiskActivity> DecodeStatus(std::string_view line);

}  // namespace veneer
