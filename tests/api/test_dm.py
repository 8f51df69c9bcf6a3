"""The daemon and disks of the kernel's way: in a guest with a kernel of its own (tests/vm)."""

import os
import pathlib
import re
import subprocess
import threading

import test_daemon
import test_full
from daemon import DaemonTest, eventually, read_block, write_block
from listening import Ear

MIB = 1 << 20
STEP = MIB // 2


def contents(number):
    return b"%08d" % number * (STEP // 8)


def write_step(disk, number):
    fd = os.open(disk, os.O_RDWR)
    try:
        os.pwrite(fd, contents(number), number * STEP)
        os.fsync(fd)
    finally:
        os.close(fd)


def store_fill(disk):
    """Bytes that are used and that there are, as the kernel tells."""
    status = subprocess.run(["dmsetup", "status", disk], capture_output=True, text=True, check=True)
    used, capacity = status.stdout.split()[3].split("/")
    return int(used) * 512, int(capacity) * 512


def devices():
    return set(os.listdir("/dev/mapper")) - {"control"}


def loops_on(directory):
    files = []
    for entry in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            files.append(entry.read_text().strip())
        except OSError:
            continue  # it has just gone
    return [file for file in files if file.startswith(f"{directory}/")]


class OnDm(DaemonTest):
    """Its disks are devices of device-mapper, and nothing of them is left in the kernel at its end."""

    backend = "dm"
    options = ("--watch", "1")

    def take_away(self):
        super().take_away()
        self.assertEqual(devices(), set())
        # Below the state directory: this test's own file system is on a loop device too.
        eventually(lambda: not loops_on(self.home / "root"), "no loop device is left")


class Rewriter(threading.Thread):
    """Writes the first block of a disk again and again, as long as it is in use as a context."""

    def __init__(self, disk):
        super().__init__()
        self.disk, self.ended = disk, threading.Event()
        self.times, self.error = 0, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.ended.set()
        self.join()

    def run(self):
        try:
            while not self.ended.is_set():
                write_block(self.disk, 0, b"%d" % (self.times % 10))
                self.times += 1
        except OSError as error:
            self.error = error

    def goes_on(self):
        """Some writes that begin after this was asked are done."""
        before = self.times
        eventually(lambda: self.error or self.times > before + 2, "the writer goes on")
        if self.error:
            raise self.error


class Life(OnDm):
    def verb(self, status, target, body=None):
        return self.ok(status, "POST", f"/v1/sandboxes/{target}", body or {})

    def test_a_sandbox_from_its_creation_to_its_end(self):
        web = self.create("web")
        self.assertEqual(web["path"], f"/dev/mapper/veneer-{web['id']}")
        write_block(web["path"], 1, b"1")
        self.assertEqual(self.verb(200, "web/pause")["state"], "paused")
        self.assertEqual(devices(), set())
        self.assertEqual(self.verb(200, "web/resume")["path"], web["path"])
        write_block(web["path"], 2, b"2")
        (fork,) = self.verb(201, "web/fork", {"count": 1})["sandboxes"]
        self.verb(201, "web/snapshots", {"name": "ready"})
        write_block(web["path"], 2, b"w")
        write_block(fork["path"], 2, b"f")
        late = self.ok(201, "POST", "/v1/sandboxes", {"template": "ready", "backend": "dm"})
        for disk, letter in [(web, b"w"), (fork, b"f"), (late, b"2")]:
            self.assertEqual([read_block(disk["path"], n) for n in range(3)],
                             [each * 4096 for each in (b"b", b"1", letter)])
            self.ok(200, "DELETE", f"/v1/sandboxes/{disk['id']}")
        self.ok(200, "DELETE", "/v1/snapshots/ready")
        self.assertEqual(self.everything()[0]["sandboxes"], [])
        self.assertEqual(devices(), set())

    def test_a_store_grows_before_it_is_full_while_its_disk_is_written_to(self):
        disk = self.with_store_of("web", "4M")
        steps = range(1, 16 * MIB // STEP)
        with Ear(self.daemon) as ear, Rewriter(disk) as writer:
            for number in steps:
                write_step(disk, number)
                used, capacity = store_fill(disk)
                if used / capacity < 0.75 or capacity > 16 * MIB:
                    continue
                eventually(lambda before=capacity: store_fill(disk)[1] > before, "it has grown")
                writer.goes_on()
            grown = self.found("store")
            self.assertGreater(grown, 2)
            for _ in range(grown):
                event = ear.until(lambda event: event["data"].get("watch") == "store")
                self.assertIn("grown from", event["data"]["detail"])
        self.assertIsNone(writer.error)
        for number in steps:
            self.assertEqual(read_block(disk, number * STEP // 4096), contents(number)[:4096])

    def found(self, watch):
        """How often that watcher has found something."""
        text = self.daemon.ask("GET", "/metrics").body.decode()
        return int(re.search(f'veneer_watch_findings_total{{watch="{watch}"}} (\\d+)\n', text)[1])

    def with_store_of(self, name, size):
        """The disk of a new sandbox whose store holds so much, as if it had been made so."""
        sandbox = self.create(name)
        self.verb(200, f"{name}/pause")
        store = self.home / "root/sandboxes" / f"{sandbox['id']}.cow"
        store.unlink()
        self.veneer("cow", "create", store, "--origin", self.home / "base.img", "--max-change",
                    size)
        return self.verb(200, f"{name}/resume")["path"]


class Ends(OnDm, test_daemon.Ends):
    """Killed and stopped daemons, and disks that are written to all the while."""

    def create(self, name):
        made = super().create(name)
        writer = Rewriter(made["path"])
        self.addCleanup(self.never_interrupted, writer)
        writer.start()
        return made

    def never_interrupted(self, writer):
        writer.goes_on()
        writer.end()
        self.assertIsNone(writer.error)


class FullHost(OnDm, test_full.FullHostOnDisk):
    """Readers wait as well, and nobody goes on before somebody has looked."""

    options = test_full.FullHost.options
    size = 48 << 20

    def kill_daemon(self):
        super().kill_daemon()
        self.veneer("gc")

    def read_while_held(self, disk):
        pass

    # Asked of the program alone: once is enough.
    test_marks_in_the_wrong_order_are_refused = None
