#include "support/disk_client.h"

#include <fcntl.h>
#include <libnbd.h>
#include <unistd.h>

namespace veneer::support {

void DiskClient::Disconnect::operator()(nbd_handle* handle) const {
  nbd_shutdown(handle, 0);  // the server knows before this process goes on
  nbd_close(handle);
}

DiskClient::DiskClient(const std::string& path, For purpose) {
  if (!IsNbd(path)) {
    const int access = purpose == For::kReading ? O_RDONLY : O_RDWR;
    fd_ = UniqueFd(::open(path.c_str(), access | O_CLOEXEC));
    return;
  }
  nbd_.reset(nbd_create());
  const bool connected = nbd_ && nbd_connect_uri(nbd_.get(), path.c_str()) == 0;
  const bool usable = connected && (purpose == For::kReading || nbd_is_read_only(nbd_.get()) == 0);
  if (!usable) nbd_.reset();
}

bool DiskClient::Read(std::size_t at, std::string& data) const {
  if (nbd_) return nbd_pread(nbd_.get(), data.data(), data.size(), at, 0) == 0;
  return ::pread(fd_.get(), data.data(), data.size(), static_cast<off_t>(at)) ==
         static_cast<ssize_t>(data.size());
}

bool DiskClient::Write(std::size_t at, const std::string& data) const {
  if (nbd_) return nbd_pwrite(nbd_.get(), data.data(), data.size(), at, 0) == 0;
  return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(at)) ==
         static_cast<ssize_t>(data.size());
}

bool DiskClient::Flush() const {
  return nbd_ ? nbd_flush(nbd_.get(), 0) == 0 : ::fsync(fd_.get()) == 0;
}

}  // namespace veneer::support
