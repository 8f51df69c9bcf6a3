// Room for the replies that are on their way to a client.
//
// A unix socket takes some 200 KiB at a time: a larger reply goes in pieces, and each waits for the
// client to run. nbdkit does not tell which descriptor a connection has, so that it is found by who
// is at its other end. A client by TCP is none of these; the kernel lets its buffers grow by
// itself.
#pragma once

#include <sys/types.h>

namespace veneer {

// For every connection that this process has with process `peer`. Best effort: without it replies
// are only slower.
void WidenSendBuffers(pid_t peer);

}  // namespace veneer
