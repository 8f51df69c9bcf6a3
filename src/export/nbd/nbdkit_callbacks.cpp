#include "export/nbd/nbdkit_callbacks.h"

#include <nbdkit-plugin.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>

#include "base/error.h"
#include "export/nbd/hang_up.h"
#include "export/nbd/send_buffers.h"

namespace veneer {
namespace {

// Set before the first connection (NOLINT: nbdkit's callbacks have no other way to it).
std::atomic<NbdkitDisk*> served =
    nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

// A client that asks for the map of a disk in many pieces asks again for the rest.
constexpr unsigned kMostExtents = 4096;

struct NbdConnection {
  NbdConnection(NbdkitDisk& disk, pid_t peer)
      : served(disk), process(peer), gone([this] { served.clients.Leave(process); }) {}

  NbdkitDisk& served;
  pid_t process;
  std::function<void()> gone;
};

NbdConnection& ConnectionOf(void* handle) { return *static_cast<NbdConnection*>(handle); }
NbdDisk& DiskOf(void* handle) { return ConnectionOf(handle).served.disk; }

// nbdkit passes the errno on to the client.
int Answer(const Result<void>& result) {
  if (result) return 0;
  nbdkit_set_error(ErrnoOf(result.error()));
  return -1;
}

Durability DurabilityOf(std::uint32_t flags) {
  return (flags & NBDKIT_FLAG_FUA) != 0 ? Durability::kAtOnce : Durability::kWithFlush;
}

bool IsWritable(void* handle) { return DiskOf(handle).access() == DiskAccess::kReadWrite; }

void* Open(int /*read_only*/) {
  NbdkitDisk* const disk = served.load(std::memory_order_acquire);
  const auto peer = static_cast<pid_t>(std::max<std::int64_t>(nbdkit_peer_pid(), 0));
  if (disk == nullptr || !disk->clients.Enter(peer)) {
    nbdkit_error("the disk is being detached");
    return nullptr;
  }
  if (peer != 0) WidenSendBuffers(peer);
  return new NbdConnection(*disk, peer);
}

void Close(void* handle) {
  const std::unique_ptr<NbdConnection> connection(&ConnectionOf(handle));
  connection->gone();
}

std::int64_t GetSize(void* handle) {
  return static_cast<std::int64_t>(DiskOf(handle).size().value());
}

int CanWrite(void* handle) { return IsWritable(handle) ? 1 : 0; }
int CanFua(void* /*handle*/) { return NBDKIT_FUA_NATIVE; }
int CanCache(void* /*handle*/) { return NBDKIT_CACHE_EMULATE; }  // reads it: the host keeps it then
int Yes(void* /*handle*/) { return 1; }
int No(void* /*handle*/) { return 0; }
int CanFastZero(void* handle) {
  return ConnectionOf(handle).served.fast_zero == FastZero::kYes ? 1 : 0;
}

// What one callback does with the disk, which stays until that is done.
template <class Work>
int Serve(void* handle, const Work& work) {
  NbdConnection& connection = ConnectionOf(handle);
  const InRequest request(connection.gone);
  NbdClients& clients = connection.served.clients;
  if (!clients.BeginRequest()) {
    nbdkit_set_error(ESHUTDOWN);
    return -1;
  }
  const int answer = work(connection.served.disk);
  clients.EndRequest();
  return answer;
}

int Read(void* handle, void* buffer, std::uint32_t count, std::uint64_t offset,
         std::uint32_t /*flags*/) {
  return Serve(handle, [&](NbdDisk& disk) {
    return Answer(disk.Read(ByteOffset(offset), {static_cast<std::byte*>(buffer), count}));
  });
}

int Write(void* handle, const void* buffer, std::uint32_t count, std::uint64_t offset,
          std::uint32_t flags) {
  return Serve(handle, [&](NbdDisk& disk) {
    return Answer(disk.Write(ByteOffset(offset), {static_cast<const std::byte*>(buffer), count},
                             DurabilityOf(flags)));
  });
}

int Flush(void* handle, std::uint32_t /*flags*/) {
  return Serve(handle, [](NbdDisk& disk) { return Answer(disk.Flush()); });
}

int Trim(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t flags) {
  return Serve(handle, [&](NbdDisk& disk) {
    return Answer(disk.Trim(ByteOffset(offset), Bytes(count), DurabilityOf(flags)));
  });
}

int Zero(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t flags) {
  const bool holes = (flags & NBDKIT_FLAG_MAY_TRIM) != 0;
  if (!holes && (flags & NBDKIT_FLAG_FAST_ZERO) != 0) {
    nbdkit_set_error(EOPNOTSUPP);
    return -1;
  }
  return Serve(handle, [&](NbdDisk& disk) {
    return Answer(disk.Zero(ByteOffset(offset), Bytes(count),
                            holes ? ZeroWay::kHoles : ZeroWay::kAllocated, DurabilityOf(flags)));
  });
}

int Extents(void* handle, std::uint32_t count, std::uint64_t offset, std::uint32_t flags,
            nbdkit_extents* extents) {
  unsigned left = (flags & NBDKIT_FLAG_REQ_ONE) != 0 ? 1 : kMostExtents;
  bool failed = false;
  const auto add = [&](ByteOffset at, Bytes length, NbdDisk::Allocation allocation) {
    const std::uint32_t type =
        allocation == NbdDisk::Allocation::kHole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0;
    failed = nbdkit_add_extent(extents, at.value(), length.value(), type) != 0;
    return !failed && --left > 0;
  };
  return Serve(handle, [&](NbdDisk& disk) {
    const auto visited = disk.VisitExtents(ByteOffset(offset), Bytes(count), add);
    return failed ? -1 : Answer(visited);
  });
}

const char* ExportDescription(void* handle) {
  return ConnectionOf(handle).served.description.c_str();
}

int BlockSize(void* handle, std::uint32_t* minimum, std::uint32_t* preferred,
              std::uint32_t* maximum) {
  const BlockSizes sizes = DiskOf(handle).block_sizes();
  *minimum = sizes.minimum;
  *preferred = sizes.preferred;
  *maximum = sizes.maximum;
  return 0;
}

}  // namespace

void SetRequestCallbacks(nbdkit_plugin& plugin) {
  plugin.open = Open;
  plugin.close = Close;
  plugin.get_size = GetSize;
  plugin.can_write = CanWrite;
  plugin.can_flush = Yes;
  plugin.is_rotational = No;
  plugin.can_trim = CanWrite;
  plugin.can_zero = CanWrite;
  plugin.can_fast_zero = CanFastZero;
  plugin.can_fua = CanFua;
  plugin.can_multi_conn = Yes;
  plugin.can_extents = Yes;
  plugin.can_cache = CanCache;
  plugin.pread = Read;
  plugin.pwrite = Write;
  plugin.flush = Flush;
  plugin.trim = Trim;
  plugin.zero = Zero;
  plugin.extents = Extents;
  plugin.export_description = ExportDescription;
  plugin.block_size = BlockSize;
}

void ForgetClient(pid_t process) {
  NbdkitDisk* const disk = served.load(std::memory_order_acquire);
  if (disk != nullptr) disk->clients.Leave(process);
}

void ServeThroughNbdkit(NbdkitDisk* disk) { served.store(disk, std::memory_order_release); }

}  // namespace veneer
