"""A small WebSocket client (RFC 6455) over any socket, as strict as a test likes it to be."""

import base64
import contextlib
import hashlib
import json
import os
import struct
import threading

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class WebSocket:
    def __init__(self, sock, target, host="localhost", **headers):
        self.sock = sock
        self.sending = threading.Lock()
        self.bytes = b""
        self.close_code = None
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: Upgrade",
                 "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.bytes:
            self.fill()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        first, *rest = head.decode().split("\r\n")
        self.headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in rest}
        if " 101 " not in first:
            self.take(int(self.headers.get("content-length", 0)) - len(self.bytes), keep=True)
            raise Refused(int(first.split()[1]), self.bytes)
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert self.headers["sec-websocket-accept"] == accept

    def fill(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError
        self.bytes += piece

    def take(self, size, keep=False):
        while len(self.bytes) < size:
            self.fill()
        if keep:
            return None
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken

    def send(self, kind, payload):
        """One frame; what a client sends is masked."""
        mask = os.urandom(4)
        size = len(payload)
        length = (bytes([0x80 | size]) if size < 126 else
                  struct.pack("!BH", 0x80 | 126, size) if size < 65536 else
                  struct.pack("!BQ", 0x80 | 127, size))
        repeated = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
        # Whoever listens answers pings, while another may send.
        with self.sending:
            self.sock.sendall(bytes([0x80 | kind]) + length + mask + masked)

    def say(self, value):
        self.send(TEXT, json.dumps(value).encode())

    def receive(self):
        """(kind, payload) of the next message; (CLOSE, …) at the end. Pings are answered."""
        while True:
            first, second = self.take(2)
            assert first & 0x80 and not second & 0x80, "the server sends whole frames, unmasked"
            size = second & 0x7f
            if size == 126:
                size, = struct.unpack("!H", self.take(2))
            elif size == 127:
                size, = struct.unpack("!Q", self.take(8))
            kind, payload = first & 0x0f, self.take(size)
            if kind == PING:
                self.send(PONG, payload)
            elif kind == CLOSE:
                self.close_code, = struct.unpack("!H", payload[:2])
                # A server that ends does not wait for it.
                with contextlib.suppress(ConnectionError):
                    self.send(CLOSE, payload[:2])
                return kind, payload
            else:
                return kind, payload
