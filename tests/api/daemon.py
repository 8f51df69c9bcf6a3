"""A state directory of a test's own and a real `veneer daemon` on it; requests over its sockets.

The program is $VENEER_PROGRAM. What a test leaves behind is taken away by the real command line.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["VENEER_PROGRAM"]
# Whatever becomes of the test, nothing that it has started stays.
WITH_ME = ["setpriv", "--pdeathsig", "KILL"]
PATIENCE = 120  # seconds: for what takes a moment, on a machine with very much to do


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)


def eventually(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}")
        time.sleep(0.02)


class Daemon:
    """A running daemon. `options`: more of its command line."""

    def __init__(self, home, *options, environment=None, **more):
        self.home = pathlib.Path(home)
        self.process = subprocess.Popen(
            [*WITH_ME, PROGRAM, "daemon", "--json", "--root", self.home / "root", "--run", self.home / "run",
             *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})}, **more)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the daemon did not start: {self.process.stderr.read()}")
        started = json.loads(line)
        self.listening = started["listening"]
        self.token_file = started.get("token_file")

    @property
    def path(self):
        return next(each for each in self.listening if each.startswith("unix:"))[5:]

    @property
    def port(self):
        return int(next(each for each in self.listening if ":" in each
                        and not each.startswith("unix:")).rsplit(":", 1)[1])

    def token(self):
        return pathlib.Path(self.token_file).read_text().strip()

    def connect(self):
        return UnixConnection(self.path)

    def ask(self, method, target, body=None, headers=None, connection=None):
        """One request over the unix socket; `body`: a value to send as JSON, or bytes as they are."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        own = connection or self.connect()
        try:
            own.request(method, target, body=body, headers=headers)
            response = own.getresponse()
            return Answer(response, response.read())
        finally:
            if connection is None:
                own.close()

    def stop(self):
        """Asks it to end, waits, and yields its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class DaemonTest(unittest.TestCase):
    """Has a daemon with a template "base" of 16 MiB, whose first block is full of 'b'."""

    options = ()
    backend = "user"

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="veneer-api-"))
        self.addCleanup(shutil.rmtree, self.home)
        self.make_home()
        self.addCleanup(self.take_away)
        self.daemons = []
        image = self.home / "base.img"
        with open(image, "wb") as file:
            file.write(b"b" * 4096)
            file.truncate(16 << 20)
        self.veneer("template", "import", "base", str(image))
        self.daemon = self.start(*self.options)

    def make_home(self):
        """Before anything is in the state directory, home/root."""

    def start(self, *options, **more):
        daemon = Daemon(self.home, *options, **more)
        self.daemons.append(daemon)
        return daemon

    def spawn(self, *arguments, **more):
        """A program whose output is read; it ends with the test."""
        process = subprocess.Popen([*WITH_ME, *arguments], stdout=subprocess.PIPE, text=True,
                                   **more)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def veneer(self, *arguments):
        done = subprocess.run(
            [PROGRAM, *arguments, "--json", "--root", self.home / "root", "--run",
             self.home / "run"], capture_output=True, text=True, timeout=PATIENCE, check=True)
        return json.loads(done.stdout)

    def take_away(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        self.veneer("recover")
        for sandbox in self.veneer("ls"):
            self.veneer("destroy", sandbox["id"], "--force")

    def ok(self, status, method, target, body=None, **more):
        answer = self.daemon.ask(method, target, body, **more)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def create(self, name):
        return self.ok(201, "POST", "/v1/sandboxes",
                       {"template": "base", "name": name, "backend": self.backend})

    def everything(self):
        return [self.ok(200, "GET", "/v1/sandboxes"), self.ok(200, "GET", "/v1/templates")]


def read_block(path, number):
    with open(path, "rb") as file:
        file.seek(number * 4096)
        return file.read(4096)


def write_block(path, number, letter):
    fd = os.open(path, os.O_RDWR)
    try:
        os.pwrite(fd, letter * 4096, number * 4096)
        os.fsync(fd)
    finally:
        os.close(fd)
