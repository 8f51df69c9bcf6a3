"""What a daemon does as a whole: its sockets, its end, its death, what it documents."""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import threading
import unittest
import urllib.request

import jsonschema

from daemon import (PATIENCE, PROGRAM, DaemonTest, UnixConnection, eventually, read_block,
                    write_block)
from listening import Ear


class Sockets(DaemonTest):
    def test_its_socket_is_for_owner_and_group_and_goes_with_it(self):
        mode = os.stat(self.daemon.path).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o660)
        path = self.daemon.path
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(os.path.exists(path))
        self.assertFalse(os.path.exists(path + ".lock"))

    def test_over_tcp_it_says_where_its_page_is(self):
        self.daemon.stop()
        told = self.spawn(PROGRAM, "daemon", "--root", self.home / "root", "--run", self.home / "run",
                          "--listen", "127.0.0.1:0")
        lines = [told.stdout.readline() for _ in range(3)]
        page = next(line for line in lines if line.startswith("the page is at ")).split()[-1]
        with urllib.request.urlopen(page, timeout=PATIENCE) as answer:
            self.assertIn("text/html", answer.headers["Content-Type"])
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
            self.assertIn(b"<title>Veneer</title>", answer.read())

    def test_a_second_daemon_on_the_same_state_is_a_conflict(self):
        second = subprocess.run(
            [PROGRAM, "daemon", "--root", self.home / "root", "--run", self.home / "run",
             "--listen", f"unix:{self.home}/other.sock"], capture_output=True, text=True)
        self.assertEqual(second.returncode, 4, second.stderr)
        self.assertIn(str(self.daemon.process.pid), second.stderr)
        self.ok(200, "GET", "/healthz")

    def test_what_a_killed_daemon_left_is_replaced(self):
        self.daemon.kill()
        self.assertTrue(os.path.exists(self.home / "run/api.sock"))
        self.daemon = self.start()
        self.ok(200, "GET", "/healthz")

    def test_sockets_of_the_service_manager_are_taken_and_it_hears_that_all_is_ready(self):
        self.daemon.stop()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = str(self.home / "given.sock")
        listener.bind(path)
        listener.listen()
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.bind(str(self.home / "notify"))
        # As the service manager does it: descriptor 3, and the process's own id.
        wrapper = ('import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); '
                   'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1"); '
                   'os.execv(sys.argv[2], sys.argv[2:])')
        given = self.spawn(
            "python3", "-c", wrapper, str(listener.fileno()), PROGRAM, "daemon", "--json", "--root",
            self.home / "root", "--run", self.home / "run", pass_fds=[listener.fileno()],
            env={**os.environ, "NOTIFY_SOCKET": str(self.home / "notify")})
        self.assertIn(path, given.stdout.readline())
        ear.settimeout(PATIENCE)
        self.assertEqual(ear.recv(100), b"READY=1")
        connection = UnixConnection(path)
        self.assertEqual(self.daemon.ask("GET", "/healthz", connection=connection).status, 200)
        connection.close()
        given.terminate()
        self.assertEqual(ear.recv(100), b"STOPPING=1")
        self.assertEqual(given.wait(PATIENCE), 0)
        self.assertTrue(os.path.exists(path), "it is the service manager's")
        listener.close()
        ear.close()


class Ends(DaemonTest):
    def test_disks_stay_attached_when_it_stops_and_when_it_is_killed(self):
        disk = self.create("web")["path"]
        write_block(disk, 1, b"1")
        with open(disk, "rb") as held:
            self.assertEqual(self.daemon.stop(), 0)
            self.assertEqual(read_block(disk, 1), b"1" * 4096)
            self.daemon = self.start()
            self.daemon.kill()
            write_block(disk, 2, b"2")
            self.daemon = self.start()
            self.assertEqual(self.ok(200, "GET", "/v1/sandboxes/web")["state"], "running")
            held.seek(2 * 4096)
            self.assertEqual(held.read(4096), b"2" * 4096)

    def test_a_request_under_way_is_finished_and_answered(self):
        connection = self.daemon.connect()
        connection.request("POST", "/v1/sandboxes", b'{"template":"base","name":"late"}',
                           {"Content-Type": "application/json"})
        # It is under way once its record is there.
        eventually(lambda: self.veneer("ls"), "the sandbox is recorded")
        status = []
        stopper = threading.Thread(target=lambda: status.append(self.daemon.stop()))
        stopper.start()
        response = connection.getresponse()
        self.assertEqual(response.status, 201)
        response.read()
        connection.close()
        stopper.join()
        self.assertEqual(status, [0])
        self.assertEqual(self.veneer("show", "late")["state"], "running")

    def test_killed_in_the_middle_of_anything_it_recovers_and_disks_go_on(self):
        disk = self.create("steady")["path"]
        for round_ in range(6):
            name = f"n{round_}"
            connection = self.daemon.connect()
            body = json.dumps({"template": "base", "name": name}).encode()
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"key-{round_}"}
            connection.request("POST", "/v1/sandboxes", body, headers)
            if round_ % 2:
                eventually(lambda: any(each["name"] == name for each in self.veneer("ls")),
                           "it has begun")
            self.daemon.kill()
            connection.close()
            write_block(disk, 1 + round_, b"%d" % round_)
            self.daemon = self.start()
            again = self.daemon.ask("POST", "/v1/sandboxes", body, headers)
            self.assertEqual(again.status, 201, again.body)
            self.assertEqual(again.json()["state"], "running")
        names = [each["name"] for each in self.ok(200, "GET", "/v1/sandboxes")["sandboxes"]]
        self.assertEqual(sorted(names), ["n0", "n1", "n2", "n3", "n4", "n5", "steady"])
        for round_ in range(6):
            self.assertEqual(read_block(disk, 1 + round_), b"%d" % round_ * 4096)


class Events(DaemonTest):
    options = ("--watch", "1")

    def test_who_listens_hears_each_change_and_can_go_on_later(self):
        with Ear(self.daemon) as ear:
            self.create("web")
            began = ear.next()
            self.assertEqual((began["data"]["verb"], began["data"]["phase"]), ("create", "began"))
            steps = []
            while (event := ear.next())["event"] == "step":
                steps.append(event["data"]["step"])
            self.assertEqual(steps, ["record", "store", "verify", "attach", "sync", "settle"])
            ended = event
            self.assertEqual(ended["data"]["phase"], "ended")
            self.assertEqual(ended["data"]["result"]["name"], "web")
            self.assertEqual(ended["data"]["outcome"], "done")
        self.ok(200, "POST", "/v1/sandboxes/web/pause")
        with Ear(self.daemon, last=ended["id"]) as ear:
            event = ear.next()
            self.assertEqual((event["data"]["verb"], event["data"]["phase"]), ("pause", "began"))

    def test_a_disk_that_went_by_itself_is_told_and_its_sandbox_paused(self):
        self.create("web")
        with Ear(self.daemon) as ear:
            self.kill_servers()
            event = ear.until(lambda event: event["event"] == "watch")
            self.assertEqual(event["data"]["watch"], "disk")
        web = self.ok(200, "GET", "/v1/sandboxes/web")
        self.assertEqual(web["state"], "paused")
        self.assertIn("gone by itself", web["reason"])
        metrics = self.daemon.ask("GET", "/metrics").body.decode()
        self.assertIn('veneer_watch_findings_total{watch="disk"} 1', metrics)
        self.assertIn('veneer_sandboxes{state="paused"} 1', metrics)

    def test_the_command_prints_what_happens(self):
        command = self.spawn(PROGRAM, "events", "--json", "--run", self.home / "run", "--after",
                             "0")
        self.assertEqual(json.loads(command.stdout.readline())["event"], "missed")
        self.create("web")
        began = json.loads(command.stdout.readline())
        self.assertEqual(began["data"]["verb"], "create")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(command.wait(PATIENCE), 0)
        nobody = subprocess.run([PROGRAM, "events", "--run", self.home / "run"],
                                capture_output=True, text=True)
        self.assertEqual(nobody.returncode, 3)

    def test_a_daemon_that_stops_ends_its_streams(self):
        with Ear(self.daemon) as ear:
            self.assertEqual(self.daemon.stop(), 0)
            self.assertIsNone(ear.next())

    def kill_servers(self):
        run = str(self.home / "run").encode()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue  # it has just ended
            if run in words and b"serve" in words:
                os.kill(int(entry.name), signal.SIGKILL)


class Documented(DaemonTest):
    """What the daemon answers is what its OpenAPI document says."""

    def setUp(self):
        super().setUp()
        self.document = self.ok(200, "GET", "/openapi.json")

    def said(self, method, pattern, target, body=None, headers=None):
        """Asks, and checks status and body against the document."""
        answer = self.daemon.ask(method, target, body, headers)
        responses = self.document["paths"][pattern][method.lower()]["responses"]
        said = responses.get(str(answer.status), responses.get("default"))
        self.assertIsNotNone(said, f"{method} {pattern} never answers {answer.status}")
        if "$ref" in said:
            said = self.document["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
        content = said["content"][answer.headers["Content-Type"]]
        if "json" in answer.headers["Content-Type"]:
            self.fits(answer.json(), content["schema"])
        return answer

    def fits(self, value, schema):
        schema = {**schema, "components": self.document["components"]}
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator)

    def test_each_path_answers_as_its_schema_says(self):
        with open(self.home / "base.img", "rb") as image:
            sent = image.read()
        asked = [
            ("GET", "/healthz", "/healthz", None, 200),
            ("GET", "/openapi.json", "/openapi.json", None, 200),
            ("GET", "/metrics", "/metrics", None, 200),
            ("POST", "/v1/sandboxes", "/v1/sandboxes", {"template": "base", "name": "web"}, 201),
            ("GET", "/v1/sandboxes", "/v1/sandboxes?limit=1", None, 200),
            ("GET", "/v1/sandboxes/{id}", "/v1/sandboxes/web", None, 200),
            ("POST", "/v1/sandboxes/{id}/pause", "/v1/sandboxes/web/pause", None, 200),
            ("POST", "/v1/sandboxes/{id}/resume", "/v1/sandboxes/web/resume", {}, 200),
            ("POST", "/v1/sandboxes/{id}/fork", "/v1/sandboxes/web/fork", {"count": 2}, 201),
            ("POST", "/v1/sandboxes/{id}/snapshots", "/v1/sandboxes/web/snapshots",
             {"name": "ready"}, 201),
            ("POST", "/v1/sandboxes/{id}/exec", "/v1/sandboxes/web/exec", {"argv": ["ls"]}, 409),
            ("GET", "/v1/sandboxes/{id}/exec", "/v1/sandboxes/web/exec", None, 426),
            ("GET", "/v1/snapshots", "/v1/snapshots", None, 200),
            ("GET", "/v1/snapshots/{name}", "/v1/snapshots/ready", None, 200),
            ("GET", "/v1/templates", "/v1/templates?limit=1", None, 200),
            ("GET", "/v1/templates/{name}", "/v1/templates/ready", None, 200),
            ("POST", "/v1/templates", "/v1/templates", {"name": "a", "file": "b"}, 501),
            ("PUT", "/v1/templates/{name}", "/v1/templates/sent", sent, 201),
            ("PUT", "/v1/templates/{name}", "/v1/templates/sent", sent, 409),
            ("DELETE", "/v1/templates/{name}", "/v1/templates/sent", None, 200),
            ("DELETE", "/v1/templates/{name}", "/v1/templates/base", None, 409),
            ("DELETE", "/v1/snapshots/{name}", "/v1/snapshots/ready", None, 200),
            ("DELETE", "/v1/sandboxes/{id}", "/v1/sandboxes/web", None, 200),
            ("GET", "/v1/sandboxes/{id}", "/v1/sandboxes/web", None, 404),
        ]
        for method, pattern, target, body, status in asked:
            with self.subTest(f"{method} {target}"):
                self.assertEqual(self.said(method, pattern, target, body).status, status)
        paths = {(method, path) for path, item in self.document["paths"].items()
                 for method in item if method != "parameters"}
        self.assertEqual(paths, {(each[0].lower(), each[1]) for each in asked} |
                         {("get", "/v1/events")})
        with Ear(self.daemon, last="0") as ear:
            missed, *events = [ear.next() for _ in range(10)]
        self.assertEqual(missed["event"], "missed")
        for event in events:
            name = event["event"].capitalize() + "Event"
            self.fits(event["data"], {"$ref": f"#/components/schemas/{name}"})
        self.assertEqual({event["event"] for event in events}, {"operation", "step"})

    def test_pages_of_many_follow_each_other(self):
        self.create("web")
        self.ok(201, "POST", "/v1/sandboxes/web/fork", {"count": 6})
        seen, after = [], ""
        while after is not None:
            page = self.ok(200, "GET", f"/v1/sandboxes?limit=3{after}")
            seen += [each["id"] for each in page["sandboxes"]]
            after = page["next"] and f"&after={page['next']}"
        self.assertEqual(seen, [each["id"] for each in self.veneer("ls")])
        self.assertEqual(len(set(seen)), 7)


if __name__ == "__main__":
    unittest.main()
