"""Commands in machines over the API: one answer, or a stream. The machine starts from the snapshot
that all tests of machines share (tests/machine/template)."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

from daemon import PATIENCE, PROGRAM, DaemonTest, eventually
from websocket import BINARY, CLOSE, TEXT, Refused, WebSocket

OURS = "veneer.exec.v1"
# KiB that the daemon may take for a reader who does not read. A sanitizer keeps what was freed.
MOST_FOR_A_READER = (256 if os.environ.get("VENEER_SANITIZED") else 32) << 10


def cached_state():
    made = subprocess.run([os.environ["VENEER_MACHINE_TEMPLATE"], PROGRAM], check=True, text=True,
                          stdout=subprocess.PIPE)
    return pathlib.Path(made.stdout.splitlines()[0])


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class Heard:
    """All that a stream says to its end."""

    def __init__(self, stream):
        self.output, self.errors, self.last = b"", b"", None
        while True:
            kind, payload = stream.receive()
            if kind == CLOSE:
                break
            if kind == TEXT:
                self.last = json.loads(payload)
            elif payload[0] == 1:
                self.output += payload[1:]
            else:
                assert payload[0] == 2
                self.errors += payload[1:]
        self.code = stream.close_code
        stream.sock.close()  # the server waits for that, as for any client's

    @property
    def end(self):
        assert self.last and "end" in self.last, self.last
        return self.last["end"]

    @property
    def problem(self):
        assert self.last and "problem" in self.last, self.last
        return self.last["problem"]


class Exec(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon.stop()
        self.take_state()
        # Nobody is cut off because this machine has much to do.
        self.start_with_patience(PATIENCE)
        self.machine = self.ok(201, "POST", "/v1/sandboxes", {
            "template": "ready", "name": "one", "backend": "user", "boot": True})

    def start_with_patience(self, seconds):
        self.daemon = self.start("--listen", "127.0.0.1:0", "--listen",
                                 f"unix:{self.home}/run/api.sock", "--patience", str(seconds))

    def restart_with_patience(self, seconds):
        """Where a client that does nothing is to be noticed."""
        self.daemon.stop()
        self.start_with_patience(seconds)

    def take_state(self):
        """Templates with a machine's memory in place of the plain one."""
        cached = cached_state()
        shutil.rmtree(self.home / "root")
        (self.home / "root/templates").mkdir(parents=True)
        for each in (cached / "root/templates").iterdir():
            link_or_copy(each, self.home / "root/templates" / each.name)
        for each in (cached / "root").glob("catalog.db*"):
            if each.suffix != ".db-shm":
                shutil.copy2(each, self.home / "root" / each.name)
        (self.home / "run/vms").mkdir(parents=True, exist_ok=True)
        shutil.copy2(cached / "run/vms/acceleration", self.home / "run/vms/acceleration")

    def run_in(self, *argv, status=200, **more):
        return self.ok(status, "POST", "/v1/sandboxes/one/exec", {"argv": list(argv), **more})

    def stream(self, sandbox="one", tcp=False, protocol=OURS, **headers):
        if tcp:
            client = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=PATIENCE)
            host = f"127.0.0.1:{self.daemon.port}"
        else:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(PATIENCE)
            client.connect(self.daemon.path)
            host = "localhost"
        self.addCleanup(client.close)
        if protocol:
            headers["Sec_WebSocket_Protocol"] = protocol
        return WebSocket(client, f"/v1/sandboxes/{sandbox}/exec", host, **headers)

    def said(self, argv, **more):
        stream = self.stream()
        stream.say({"argv": argv, **more})
        return Heard(stream)

    def processes(self, pattern):
        script = f"cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '{pattern}' | wc -l"
        return int(self.run_in("sh", "-c", script)["stdout"])

    def test_one_answer_says_all(self):
        self.assertEqual(self.machine["machine"]["state"], "running")
        done = self.run_in("sh", "-c", 'printf "%s|%s|%s" "$1" "$A" "$PWD"; echo bad >&2; exit 7',
                           "sh", "a 'b' \"c\" ü\n", env={"A": "1=2"}, cwd="/tmp")
        self.assertEqual((done["status"], done["signal"], done["timed_out"]), (7, None, False))
        self.assertEqual(done["stdout"], "a 'b' \"c\" ü\n|1=2|/tmp")
        self.assertEqual(done["stderr"], "bad\n")
        self.assertEqual(self.run_in("sh", "-c", "kill -TERM $$")["signal"], 15)
        self.assertTrue(self.run_in("sleep", "1000", timeout_ms=300)["timed_out"])
        self.assertEqual(self.run_in("cat", input="typed")["stdout"], "typed")
        self.assertEqual(self.run_in("printf", "\\377")["stdout"], {"base64": "/w=="})
        self.assertEqual(self.run_in("id", "-un", user="nobody")["stdout"], "nobody\n")
        long = self.run_in("head", "-c", "5000", "/dev/zero", output_limit=100)
        self.assertEqual((len(long["stdout"]), long["dropped_bytes"]), (100, 4900))
        self.assertEqual(self.run_in("no-such-program", status=404)["kind"], "not_found")
        self.assertEqual(self.run_in("true", status=400, cpus=1)["kind"], "usage")
        self.ok(200, "POST", "/v1/sandboxes/one/pause")
        self.assertEqual(self.run_in("true", status=409)["kind"], "conflict")

    def test_a_stream_goes_both_ways_with_any_bytes(self):
        stream = self.stream()
        self.assertEqual(stream.headers["sec-websocket-protocol"], OURS)
        stream.say({"argv": ["sh", "-c", "echo begun >&2; cat; echo done >&2; exit 3"],
                    "stdin": True})
        sent = os.urandom(300_000)
        # It is heard meanwhile: who does not read is cut off.
        with concurrent.futures.ThreadPoolExecutor() as other:
            hearing = other.submit(Heard, stream)
            for at in range(0, len(sent), 65536):
                stream.send(BINARY, b"\0" + sent[at:at + 65536])
            stream.send(BINARY, b"\0")
            heard = hearing.result()
        self.assertEqual(heard.output, sent)
        self.assertEqual(heard.errors, b"begun\ndone\n")
        self.assertEqual((heard.end["status"], heard.code), (3, 1000))
        heard = self.said(["head", "-c", "10000000", "/dev/zero"])
        self.assertEqual(hashlib.sha256(heard.output).digest(),
                         hashlib.sha256(bytes(10_000_000)).digest())
        self.assertTrue(self.said(["sleep", "1000"], timeout_ms=300).end["timed_out"])
        self.assertEqual(self.said(["head", "-c", "50", "/dev/zero"], output_limit=20)
                         .end["dropped_bytes"], 30)

    def test_signals_and_many_at_once(self):
        streams = []
        for _ in range(6):
            streams.append(self.stream())
            streams[-1].say({"argv": ["sh", "-c", "echo up; exec sleep 1000"]})
        for stream in streams:
            self.assertEqual(stream.receive(), (BINARY, b"\1up\n"))
        for stream in streams:
            stream.say({"signal": 15})
        self.assertEqual([Heard(stream).end["signal"] for stream in streams], [15] * 6)

    def test_who_may_stream(self):
        token = self.daemon.token()
        for refused, more in [(401, {}), (401, {"protocol": f"{OURS}, veneer.token.{'0' * 64}"}),
                              (401, {"Authorization": "Bearer x"}),
                              (403, {"protocol": f"{OURS}, veneer.token.{token}",
                                     "Origin": "http://evil.example"}),
                              (400, {"protocol": f"veneer.token.{token}"})]:
            with self.assertRaises(Refused) as caught:
                self.stream(tcp=True, **more)
            self.assertEqual(caught.exception.status, refused, more)
        # The token is taken from there for a stream alone.
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=PATIENCE)
        connection.request("GET", "/v1/sandboxes",
                           headers={"Sec-WebSocket-Protocol": f"veneer.token.{token}"})
        self.assertEqual(connection.getresponse().status, 401)
        connection.close()
        for more in [{"protocol": f"{OURS}, veneer.token.{token}",
                      "Origin": f"http://127.0.0.1:{self.daemon.port}"},
                     {"Authorization": f"Bearer {token}"}]:
            stream = self.stream(tcp=True, **more)
            self.assertEqual(stream.headers["sec-websocket-protocol"], OURS)
            stream.say({"argv": ["true"]})
            self.assertEqual(Heard(stream).end["status"], 0)

    def test_what_makes_no_sense_is_a_problem(self):
        for text in [b"{", b"[]", b"{}", b'{"argv":[]}', b'{"argv":["ls"],"x":1}', b"\xff",
                     b'{"argv":["a\\u0000"]}']:
            stream = self.stream()
            stream.send(TEXT, text)
            heard = Heard(stream) if text != b"\xff" else None  # text that is no UTF-8 is cut off
            if heard:
                self.assertEqual((heard.problem["kind"], heard.code), ("usage", 1011), text)
        stream = self.stream()
        stream.send(BINARY, b"\0x")
        self.assertEqual(Heard(stream).problem["kind"], "usage")
        for kind, message in [(TEXT, b'{"signal":99}'), (BINARY, b"\1x"), (BINARY, b"")]:
            stream = self.stream()
            stream.say({"argv": ["sleep", "3000"]})
            stream.send(kind, message)
            self.assertEqual(Heard(stream).problem["kind"], "usage")
        self.assertEqual(heard_of(self.stream("none")).problem["kind"], "not_found")
        self.assertEqual(self.said(["no-such-program"]).problem["kind"], "not_found")
        eventually(lambda: self.processes("slee[p] 3000") == 0, "they are ended")
        self.ok(200, "POST", "/v1/sandboxes/one/pause")
        self.assertEqual(self.said(["true"]).problem["kind"], "conflict")

    def test_who_goes_ends_the_command(self):
        self.restart_with_patience(10)
        for way in ["stream", "answer", "full"]:
            with self.subTest(way):
                if way == "answer":
                    connection = self.daemon.connect()
                    connection.request("POST", "/v1/sandboxes/one/exec",
                                       b'{"argv":["sleep","4000"]}',
                                       {"Content-Type": "application/json"})
                    client = connection.sock
                else:
                    stream = self.stream()
                    stream.say({"argv": ["sleep", "4000"], "stdin": True})
                    client = stream.sock
                eventually(lambda: self.processes("slee[p] 4000") == 1, "it runs")
                if way == "full":  # it reads nothing: what is sent stays on its way
                    client.settimeout(1)
                    with self.assertRaises(TimeoutError):
                        while True:
                            stream.send(BINARY, b"\0" + bytes(65536))
                client.close()
                eventually(lambda: self.processes("slee[p] 4000") == 0, "it is ended")

    def test_a_reader_who_does_not_read_holds_the_command_and_is_cut_off(self):
        self.restart_with_patience(10)
        stream = self.stream()
        stream.say({"argv": ["sh", "-c", "yes 5000 | cat"]})
        self.assertEqual(stream.receive()[0], BINARY)
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status")
        before = self.resident(status)
        eventually(lambda: self.processes("ye[s] 5000") == 0, "the command is ended")
        self.assertLess(self.resident(status) - before, MOST_FOR_A_READER)

    @staticmethod
    def resident(status):
        """KiB of memory."""
        return next(int(line.split()[1]) for line in status.read_text().splitlines()
                    if line.startswith("VmRSS"))

    def test_the_end_of_the_daemon_is_told_and_ends_commands(self):
        stream = self.stream()
        stream.say({"argv": ["sh", "-c", "echo up; exec sleep 6000"]})
        self.assertEqual(stream.receive(), (BINARY, b"\1up\n"))
        waiting = self.daemon.connect()
        waiting.request("POST", "/v1/sandboxes/one/exec", b'{"argv":["sleep","6000"]}',
                        {"Content-Type": "application/json"})
        eventually(lambda: self.processes("slee[p] 6000") == 2, "both run")
        # It is heard while the daemon ends: that waits for the last word of one who is there.
        with concurrent.futures.ThreadPoolExecutor() as other:
            hearing = other.submit(Heard, stream)
            self.assertEqual(self.daemon.stop(), 0)
            heard = hearing.result()
        self.assertEqual((heard.problem["kind"], heard.code), ("failed", 1001))
        self.assertEqual(waiting.getresponse().status, 500)
        waiting.close()
        self.daemon = self.start()
        eventually(lambda: self.processes("slee[p] 6000") == 0, "both are ended")


def heard_of(stream):
    stream.say({"argv": ["true"]})
    return Heard(stream)


if __name__ == "__main__":
    unittest.main()
