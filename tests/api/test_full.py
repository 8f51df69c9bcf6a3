"""The host runs full while sandboxes write: their writers wait, and go on when there is room."""

import errno
import os
import subprocess
import threading
import unittest

from daemon import DaemonTest, eventually, read_block, write_block
from listening import Ear

BLOCK = 65536


class Writer(threading.Thread):
    """Fills the beginning of a disk, block by block, each durable, as a guest's file system does."""

    def __init__(self, path, blocks):
        super().__init__()
        self.path, self.blocks = path, blocks
        self.done, self.error = 0, None
        self.start()

    @staticmethod
    def contents(number):
        return b"%016d" % number * (BLOCK // 16)

    def run(self):
        try:
            fd = os.open(self.path, os.O_RDWR)
            for number in range(self.blocks):
                os.pwrite(fd, self.contents(number), number * BLOCK)
                os.fsync(fd)
                self.done = number + 1
            os.close(fd)
        except OSError as error:
            self.error = error


class FullHost(DaemonTest):
    """The state directory is a small file system of its own."""

    options = ("--watch", "1", "--reserve", "20%", "--hold-below", "10%")
    kind = "tmpfs"
    size = 64 << 20

    def make_home(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        root = self.home / "root"
        root.mkdir()
        if self.kind == "tmpfs":
            mount = ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "small", root]
        else:
            image = self.home / "small.img"
            with open(image, "wb") as file:
                file.truncate(self.size)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
            mount = ["mount", "-o", "loop", image, root]
        subprocess.run(mount, check=True)
        self.addCleanup(subprocess.run, ["umount", root], check=True)

    def take_away(self):
        (self.home / "root/ballast").unlink(missing_ok=True)
        super().take_away()

    def available(self):
        status = os.statvfs(self.home / "root")
        return status.f_bavail * status.f_frsize

    def fill(self, size):
        ballast = self.home / "root/ballast"
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        return ballast

    def use_up(self):
        """All of the room, to the last block."""
        with open(self.home / "root/ballast", "ab", buffering=0) as file:
            for size in (1 << 20, 1024):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
            os.fsync(file.fileno())
        self.assertEqual(self.available(), 0)

    def make(self, name):
        return self.ok(201, "POST", "/v1/sandboxes",
                       {"template": "base", "name": name, "backend": self.backend, "size": 256 << 20})

    def writer(self, path, blocks):
        # New disks are kept from the next look on.
        eventually(lambda: self.number("veneer_disk_writers_held") is not None and
                   self.daemon.ask("GET", "/metrics").body.count(b"veneer_disk_writers_held{") ==
                   len(self.veneer("ls")), "all disks were read")
        writer = Writer(path, blocks)
        self.addCleanup(self.let_end, writer)
        return writer

    def let_end(self, writer):
        if writer.is_alive():
            self.kill_daemon()
        writer.join()

    def kill_daemon(self):
        """Without one nobody waits for long."""
        self.daemon.kill()

    def number(self, series):
        text = self.daemon.ask("GET", "/metrics").body.decode()
        return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                     if line.startswith(series)), None)

    def expect_written(self, name, writer):
        """All of it, and the store is sound."""
        with open(self.ok(200, "GET", f"/v1/sandboxes/{name}")["path"], "rb") as disk:
            for number in range(writer.done):
                self.assertEqual(disk.read(BLOCK), writer.contents(number), number)
        self.ok(200, "POST", f"/v1/sandboxes/{name}/pause")
        record = self.ok(200, "GET", f"/v1/sandboxes/{name}")
        store = self.home / "root/sandboxes" / f"{record['id']}.cow"
        self.veneer("cow", "check", str(store))
        self.ok(200, "POST", f"/v1/sandboxes/{name}/resume")

    def test_writers_wait_and_go_on_when_there_is_room(self):
        room = self.available()
        disks = {name: self.make(name)["path"] for name in ("one", "two")}
        self.make("spare")
        ballast = self.fill(room * 4 // 10)
        with Ear(self.daemon) as ear:
            writers = {name: self.writer(path, room * 35 // 100 // BLOCK)
                       for name, path in disks.items()}
            held = ear.until(lambda event: event["data"].get("watch") == "hold")
            self.assertIn("writers wait", held["data"]["detail"])
            eventually(lambda: self.number("veneer_disks_held") == 3, "all disks are held")
            # One may have been done before.
            waiting = [name for name, writer in writers.items() if writer.is_alive()]
            self.assertTrue(waiting, [writer.error for writer in writers.values()])
            self.assertLess(writers[waiting[0]].done, writers[waiting[0]].blocks)
            self.assertGreater(self.available(), 0)
            self.what_goes_on_meanwhile(waiting[0], disks[waiting[0]])
            ballast.unlink()
            over = ear.until(lambda event: event["data"].get("watch") == "hold")
            self.assertEqual(over["data"]["detail"], "well again")
        for name, writer in writers.items():
            writer.join()
            self.assertIsNone(writer.error)
            self.assertEqual(writer.done, writer.blocks)
        eventually(lambda: self.number("veneer_disks_held") == 0, "nobody is held")
        self.assertEqual(self.number('veneer_watch_findings_total{watch="hold"}'), 2)
        for name, writer in writers.items():
            self.expect_written(name, writer)

    def what_goes_on_meanwhile(self, name, disk):
        self.read_while_held(disk)
        for target, body in [("/v1/sandboxes", {"template": "base"}),
                             (f"/v1/sandboxes/{name}/fork", {"count": 1}),
                             (f"/v1/sandboxes/{name}/snapshots", {"name": "new"})]:
            self.assertEqual(self.daemon.ask("POST", target, body).status, 507, target)
        busy = self.daemon.ask("POST", f"/v1/sandboxes/{name}/pause")
        self.assertEqual(busy.status, 409, busy.body)
        self.ok(200, "DELETE", "/v1/sandboxes/spare")

    def read_while_held(self, disk):
        self.assertEqual(read_block(disk, 0), Writer.contents(0)[:4096])

    def test_a_daemon_that_dies_leaves_nobody_waiting(self):
        disk = self.make("one")["path"]
        # Less than the mark, and far from nothing.
        status = os.statvfs(self.home / "root")
        self.fill(self.available() - status.f_blocks * status.f_frsize * 8 // 100)
        eventually(lambda: self.number("veneer_disks_held") == 1, "it is held")
        writer = self.writer(disk, 4)
        eventually(lambda: self.number("veneer_disks_held") == 1, "it is held")
        self.assertEqual(writer.done, 0)
        self.kill_daemon()
        writer.join()
        self.assertIsNone(writer.error)
        self.daemon = self.start("--hold-below", "0%")
        self.expect_written("one", writer)

    def test_without_a_byte_left_sandboxes_are_destroyed(self):
        for name in ("running", "paused", "last"):
            write_block(self.make(name)["path"], 1, b"1")
        self.ok(200, "POST", "/v1/sandboxes/paused/pause")
        for name in ("running", "paused"):
            self.use_up()
            self.ok(200, "DELETE", f"/v1/sandboxes/{name}")
        self.use_up()
        self.daemon.stop()
        self.veneer("destroy", "last")
        self.assertEqual(self.veneer("ls"), [])
        self.use_up()
        self.veneer("template", "rm", "base")

    def test_marks_in_the_wrong_order_are_refused(self):
        self.daemon.stop()
        with self.assertRaisesRegex(AssertionError, "--hold-below 30% is more than --reserve 20%"):
            self.start("--reserve", "20%", "--hold-below", "30%")


class FullHostOnDisk(FullHost):
    kind = "ext4"
    size = 96 << 20


if __name__ == "__main__":
    unittest.main()
