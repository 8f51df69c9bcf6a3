"""Many clients at once, quick ones, slow ones and silent ones; the daemon answers all or says why not.

For some seconds; with VENEER_STORM=1 for a minute, as in ./dev verify. What it measured is printed.
"""

import asyncio
import collections
import json
import os
import pathlib
import random
import resource
import sys
import time
import unittest

from daemon import PATIENCE, DaemonTest, eventually

SECONDS = 60 if os.environ.get("VENEER_STORM") else 6
CLIENTS = 200
IDLE = 10_000 if os.environ.get("VENEER_STORM") else 3_000
# A sanitizer keeps what was freed, and notes of all that there is.
MOST_MEMORY = 2048 if os.environ.get("VENEER_SANITIZED") else 256
# One client in so many changes things; the others look.
CHANGERS = 10


class Client:
    """One connection, kept as long as the daemon keeps it."""

    def __init__(self, load):
        self.load, self.reader, self.writer = load, None, None

    async def ask(self, method, target, body=None):
        """Yields status, headers, body."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.load.port)
        data = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.load.port}",
                f"Authorization: Bearer {self.load.token}"]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        began = time.monotonic()
        self.writer.write("\r\n".join(head + ["", ""]).encode() + data)
        line = (await self.reader.readline()).decode()
        status = int(line.split(" ", 2)[1])
        headers = {}
        while (line := (await self.reader.readline()).decode().strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        answer = await self.reader.readexactly(int(headers.get("content-length", 0)))
        self.load.note(method, target, status, headers, answer, time.monotonic() - began)
        if headers.get("connection") == "close":
            self.close()
        return status, answer

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.writer = None


class Load:
    def __init__(self, port, token, document):
        self.port, self.token, self.document = port, token, document
        self.took = collections.defaultdict(list)
        self.statuses = collections.Counter()
        self.undefined = []
        self.end = time.monotonic() + SECONDS

    @staticmethod
    def pattern(target):
        parts = target.split("?")[0].split("/")
        if len(parts) > 3 and parts[1] == "v1":
            parts[3] = "{name}" if parts[2] in ("templates", "snapshots") else "{id}"
        return "/".join(parts)

    def note(self, method, target, status, headers, body, took):
        """An answer that the document does not know is a failure of the test."""
        pattern = self.pattern(target)
        self.took[f"{method} {pattern}"].append(took)
        self.statuses[status] += 1
        said = self.document["paths"][pattern][method.lower()]["responses"]
        if status < 400:
            known = str(status) in said
        else:
            problem = json.loads(body)
            known = (headers["content-type"] == "application/problem+json" and
                     problem["status"] == status and bool(problem["hint"]) and
                     (str(status) in said or "default" in said) and
                     (status != 503 or "retry-after" in headers))
        # What another client has done may be in the way; what the daemon did may not.
        if not known or status >= 500 and status not in (503, 507):
            self.undefined.append((method, target, status, body[:200]))

    async def look(self, number):
        client, chance = Client(self), random.Random(number)
        while time.monotonic() < self.end:
            target = chance.choice(["/v1/sandboxes?limit=20", "/v1/sandboxes/steady", "/healthz",
                                    "/v1/templates", "/v1/sandboxes/none", "/v1/snapshots",
                                    "/v1/templates/base", "/openapi.json", "/metrics"])
            await client.ask("GET", target)
        client.close()

    async def change(self, number):
        client, name, round_ = Client(self), f"c{number}", 0
        while time.monotonic() < self.end:
            await client.ask("POST", "/v1/sandboxes",
                             {"template": "base", "name": name, "backend": "user"})
            await client.ask("POST", f"/v1/sandboxes/{name}/pause")
            await client.ask("POST", f"/v1/sandboxes/{name}/resume", {})
            status, answer = await client.ask("POST", f"/v1/sandboxes/{name}/fork", {"count": 1})
            forks = json.loads(answer)["sandboxes"] if status == 201 else []
            if round_ % 4 == 0:
                await client.ask("POST", f"/v1/sandboxes/{name}/snapshots",
                                 {"name": f"{name}-{round_}"})
                await client.ask("DELETE", f"/v1/snapshots/{name}-{round_}")
            for fork in forks:
                await client.ask("DELETE", f"/v1/sandboxes/{fork['id']}")
            await client.ask("DELETE", f"/v1/sandboxes/{name}")
            round_ += 1
        client.close()

    async def drip(self):
        """Begins a request and never ends it, a byte a second, until it is cut off; and again."""
        while time.monotonic() < self.end:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(b"GET /v1/sandboxes HTTP/1.1\r\nHost: ")
                while time.monotonic() < self.end + PATIENCE:
                    writer.write(b"x")
                    await writer.drain()
                    if await asyncio.wait_for(reader.read(1000), 1) == b"":
                        break
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            finally:
                writer.close()

    async def run(self):
        dripping = [asyncio.ensure_future(self.drip()) for _ in range(50)]
        await asyncio.gather(*[self.change(n) if n % CHANGERS == 0 else self.look(n)
                               for n in range(CLIENTS)])
        for each in dripping:
            each.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)

    def report(self):
        total = sum(len(times) for times in self.took.values())
        print(f"\n{CLIENTS} clients, {SECONDS} s: {total} requests, statuses "
              f"{dict(sorted(self.statuses.items()))}", file=sys.stderr)
        for name, times in sorted(self.took.items()):
            times.sort()
            middle, late = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
            print(f"  {name:40} {len(times):7}  p50 {middle * 1000:8.1f} ms  "
                  f"p99 {late * 1000:8.1f} ms", file=sys.stderr)


class ManyClients(DaemonTest):
    options = ("--patience", "3", "--listen", "127.0.0.1:0")

    def setUp(self):
        super().setUp()
        # Both sockets: the tests' own requests go over the other.
        self.daemon.stop()
        self.daemon = self.start(*self.options, "--listen", f"unix:{self.home}/run/api.sock")
        self.create("steady")

    def resident(self):
        """In MiB: now, and the most so far."""
        text = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return [int(line.split()[1]) / 1024 for line in text.splitlines()
                if line.startswith(("VmRSS:", "VmHWM:"))][::-1]

    def open_files(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def test_all_get_an_answer_that_is_defined_and_memory_has_a_bound(self):
        before = self.open_files()
        load = Load(self.daemon.port, self.daemon.token(), self.ok(200, "GET", "/openapi.json"))
        asyncio.run(load.run())
        load.report()
        now, most = self.resident()
        print(f"  memory {now:.0f} MiB, at most {most:.0f} MiB", file=sys.stderr)
        self.assertEqual(load.undefined, [])
        self.assertLess(most, MOST_MEMORY)
        # Each worker has opened its catalog meanwhile.
        eventually(lambda: self.open_files() < before + CLIENTS // 2, "connections are closed")
        names = [each["name"] for each in self.ok(200, "GET", "/v1/sandboxes")["sandboxes"]]
        self.assertEqual(names, ["steady"], "what was made was destroyed")

    def test_silent_connections_beyond_the_limit_are_refused_and_the_others_end(self):
        self.allow_files(IDLE + 200)
        answers = asyncio.run(self.idle())
        print(f"\n{IDLE} silent connections: {answers['refused']} refused, {answers['ended']} ended "
              f"without a word; memory at most {self.resident()[1]:.0f} MiB", file=sys.stderr)
        self.assertEqual(set(answers), {"refused", "ended"}, answers)
        self.assertGreater(answers["refused"], IDLE // 2)
        self.assertLess(self.resident()[1], MOST_MEMORY)
        self.ok(200, "GET", "/healthz")

    async def idle(self):
        """Opens them all, then hears what each is told."""
        ends = collections.Counter()

        async def one():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.daemon.port)
            opened.append(writer)
            if len(opened) == IDLE:
                all_open.set()
            await all_open.wait()
            answer = await self.answer(reader, PATIENCE // 2)
            if answer is None:
                # Its kernel takes it for open, the daemon's had no room in its queue and has
                # forgotten it: that comes to light when something is sent.
                writer.write(b"\r\n")
                answer = await self.answer(reader, PATIENCE)
            writer.close()
            self.assertIsNotNone(answer, "it is neither refused nor ended")
            if answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer:
                ends["refused"] += 1
            elif answer == b"" or answer[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 408 "):
                ends["ended"] += 1
            else:
                ends[answer[:40]] += 1

        opened, all_open = [], asyncio.Event()
        await asyncio.gather(*[one() for _ in range(IDLE)])
        return ends

    @staticmethod
    async def answer(reader, seconds):
        """What comes; nothing at its end, None where it stays silent."""
        try:
            return await asyncio.wait_for(reader.read(1000), seconds)
        except ConnectionResetError:
            return b""
        except asyncio.TimeoutError:
            return None

    def allow_files(self, number):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < number:
            self.skipTest(f"this test takes {number} open files, and {hard} are allowed")
        if soft < number:
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


if __name__ == "__main__":
    unittest.main()
