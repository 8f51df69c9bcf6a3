"""Clients that mean no good, or know no better: each gets a defined answer, and nothing changes."""

import http.client
import json
import os
import socket
import unittest

import jsonschema

from daemon import DaemonTest, PATIENCE

DEEP = 100_000
STRINGS = ["../../etc/passwd", "..", ".", "a/b", "/etc/passwd", "a\0b", "\0", "a\nb", "%2e%2e",
           "sb-", "tp-", "Ä", "'; DROP TABLE sandboxes; --", "x" * 300, "", " ", "-", "$(reboot)"]


# Of no use as a name, an id, a path or a choice.
BAD_STRINGS = ["../../etc/passwd", "a/../b", "..\0", "a\0b", "\0", "/etc/passwd", "a\nb", "Ä",
               "x" * 300, "$(reboot)", "'; DROP TABLE sandboxes; --", "-", " "]
BAD_VALUES = [{}, [], ["web"], {"a": {"b": [{"c": "d"}]}}, True, 1.5]
BAD_NUMBERS = [0, -1, 1e30, 2**64, 2**63, "1"]


class Hostile(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon.stop()
        self.daemon = self.start("--listen", "127.0.0.1:0", "--listen",
                                 f"unix:{self.home}/run/api.sock")
        self.create("web")
        self.before = self.everything()

    def tearDown(self):
        self.assertIsNone(self.daemon.process.poll(), "the daemon has ended")
        self.assertEqual(self.everything(), self.before)

    def tcp(self, method="GET", target="/v1/sandboxes", host=None, token=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=PATIENCE)
        connection.putrequest(method, target, skip_host=True)
        if host is not False:
            connection.putheader("Host", host or f"127.0.0.1:{self.daemon.port}")
        if token is not False:
            connection.putheader("Authorization", f"Bearer {token or self.daemon.token()}")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, response.headers, body

    def raw(self, *pieces):
        """Sends bytes as they are; yields the first line of the answer, empty where there is none."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.daemon.path)
            try:
                for piece in pieces:
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has been cut off: what was answered can still be read
            answer = b""
            try:
                while piece := client.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer.split(b"\r\n", 1)[0].decode()

    def test_tcp_is_only_for_who_has_the_token(self):
        self.assertEqual(self.tcp()[0], 200)
        for wrong in [False, "0" * 64, self.daemon.token()[:-1], self.daemon.token() + "0", "x"]:
            status, headers, body = self.tcp(token=wrong)
            self.assertEqual(status, 401)
            self.assertIn("Bearer", headers["WWW-Authenticate"])
            self.assertEqual(json.loads(body)["kind"], "unauthorized")
        self.assertEqual(self.tcp(target="/healthz", token=False)[0], 200)
        # Who may not ask learns nothing of what there is.
        self.assertEqual(self.tcp(target="/v1/sandboxes/none", token=False)[0], 401)
        self.assertEqual(self.tcp(target="/nothing", token=False)[0], 401)
        self.assertEqual(self.tcp("DELETE", "/v1/sandboxes/web", token=False)[0], 401)
        self.assertEqual(os.stat(self.daemon.token_file).st_mode & 0o777, 0o600)

    def test_a_name_that_resolves_to_this_host_is_not_this_host(self):
        for host in ["evil.example", f"evil.example:{self.daemon.port}", "127.0.0.1", "localhost:1"]:
            self.assertEqual(self.tcp(host=host)[0], 421, host)
        self.assertEqual(self.tcp(host=False)[0], 400)
        self.assertEqual(self.tcp(host=f"localhost:{self.daemon.port}")[0], 200)

    def test_pages_of_other_origins_cannot_ask(self):
        for origin in ["http://evil.example", "null", "https://127.0.0.1", "file://"]:
            self.assertEqual(self.tcp(Origin=origin)[0], 403, origin)
            answer = self.daemon.ask("DELETE", "/v1/sandboxes/web", headers={"Origin": origin})
            self.assertEqual(answer.status, 403)
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        self.assertEqual(self.tcp(Origin=f"http://127.0.0.1:{self.daemon.port}")[0], 200)

    def test_a_form_of_a_page_is_no_json(self):
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""]:
            answer = self.daemon.ask("POST", "/v1/sandboxes", b'{"template":"base"}',
                                     {"Content-Type": kind})
            self.assertEqual(answer.status, 415)

    def test_strings_of_all_kinds_in_all_places(self):
        for text in STRINGS:
            bodies = [("/v1/sandboxes", {"template": text, "name": "new"}),
                      ("/v1/sandboxes", {"template": "base", "name": text.upper() or "A"}),
                      ("/v1/sandboxes", {"template": "base", "name": "new", "backend": text}),
                      ("/v1/sandboxes", {"template": "base", "name": "new", text or "x": "y"}),
                      ("/v1/templates", {"name": text, "file": "none"}),
                      ("/v1/templates", {"name": "new", "file": text}),
                      ("/v1/sandboxes/web/snapshots", {"name": text.upper()})]
            for target, body in bodies:
                answer = self.daemon.ask("POST", target, body)
                self.assertIn(answer.status, (400, 404, 501), f"{target} {body} {answer.body}")
                self.assertTrue(answer.json()["hint"])
            quoted = "".join(f"%{byte:02x}" for byte in text.encode())
            for target in [f"/v1/sandboxes/{quoted}", f"/v1/templates/{quoted}"]:
                for method in ["GET", "DELETE"]:
                    answer = self.daemon.ask(method, target)
                    self.assertIn(answer.status, (400, 404, 405), f"{target} {answer.body}")

    def test_no_member_of_any_body_takes_what_it_is_not(self):
        """The document names all bodies and their members; each gets strings and values of no use."""
        document = self.ok(200, "GET", "/openapi.json")
        schemas = document["components"]["schemas"]
        problem = {**schemas["Problem"], "components": document["components"]}
        tried = 0
        for path, item in document["paths"].items():
            content = item.get("post", {}).get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema is None:
                continue
            schema = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
            target = path.replace("{id}", "web").replace("{name}", "base")
            for body in self.bad_bodies(schema.get("properties", {})):
                answer = self.daemon.ask("POST", target, body)
                self.assertTrue(400 <= answer.status < 500 or answer.status == 501,
                                f"{target} {str(body)[:200]} {answer.status} {answer.body[:200]}")
                jsonschema.validate(answer.json(), problem, jsonschema.Draft202012Validator)
                tried += 1
        self.assertGreater(tried, 100)

    @staticmethod
    def bad_bodies(properties):
        usual = {"template": "base", "name": "new", "file": "none", "count": 1}
        valid = {name: usual[name] for name in properties if name in usual}
        for name, schema in properties.items():
            for value in BAD_STRINGS + BAD_VALUES:
                yield {**valid, name: value}
            if schema.get("type") == "integer":
                for value in BAD_NUMBERS:
                    yield {**valid, name: value}
            else:
                yield {**valid, name: 7}
        for name in ["__proto__", "", "id", "../x", "a\0b"]:
            yield {**valid, name: "x"}
        for text in ["[]", "7", '"x"', "null", "[" * 50 + "]" * 50]:
            yield text.encode()

    def test_no_parameter_takes_what_it_is_not(self):
        document = self.ok(200, "GET", "/openapi.json")
        for path, item in document["paths"].items():
            for method in [each for each in item if each != "parameters"]:
                for text in BAD_STRINGS:
                    quoted = "".join(f"%{byte:02x}" for byte in text.encode())
                    for target in self.bad_targets(path, quoted):
                        answer = self.daemon.ask(method.upper(), target)
                        # A page may begin behind any text: it has what sorts behind that.
                        page = "?after=" in target and answer.status == 200
                        self.assertTrue(page or 400 <= answer.status < 500 or answer.status == 501,
                                        f"{method} {target[:200]} {answer.status}")

    @staticmethod
    def bad_targets(path, quoted):
        if "{" in path:
            yield path.replace("{id}", quoted).replace("{name}", quoted)
        if path == "/v1/events":
            return  # a stream without an end where it takes what follows
        for name in ["limit", "after", "force", "size", quoted]:
            yield path.replace("{id}", "none").replace("{name}", "none") + f"?{name}={quoted}"

    def test_json_that_is_none_or_too_deep(self):
        for body in [b"{", b"[]", b"null", b"\xff\xfe", b'{"template":"base",}', b"NaN",
                     b'{"template":' + b"[" * DEEP + b"]" * DEEP + b"}",
                     b'{"template":"base","template":"base"}', b'{"template":1e999}']:
            answer = self.daemon.ask("POST", "/v1/sandboxes", body,
                                     {"Content-Type": "application/json"})
            self.assertIn(answer.status, (400, 413), body[:40])

    def test_what_is_too_long_is_refused_before_it_is_read(self):
        answer = self.daemon.ask("POST", "/v1/sandboxes", b" " * (1 << 20),
                                 {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 413)
        self.assertIn("413", self.raw(b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\n"
                                      b"Content-Length: 99999999999999\r\n\r\n"))
        chunks = b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn("413", self.raw(chunks, b"10000\r\n" + b" " * 65536 + b"\r\n",
                                      b"10000\r\n" + b" " * 65536 + b"\r\n0\r\n\r\n"))
        self.assertIn("413", self.raw(b"GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\n"
                                      b"Content-Length: 1\r\n\r\nx"))
        self.assertIn("431", self.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70000))
        self.assertIn("431", self.raw(b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n"))
        self.assertIn("400", self.raw(b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))

    def test_what_is_no_http(self):
        for text in [b"\0\0\0\0", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
                     b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                     b"Content-Length: 2\r\n\r\nab",
                     b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"zz\r\n"]:
            line = self.raw(text)
            self.assertTrue(line == "" or " 400 " in line, f"{text} {line}")

    def test_a_client_that_goes_in_the_middle(self):
        for text in [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n",
                     b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
                     b"PUT /v1/templates/new HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx"]:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.daemon.path)
                client.sendall(text)
        self.ok(200, "GET", "/healthz")

    def test_requests_in_a_row_and_heads(self):
        connection = self.daemon.connect()
        for _ in range(3):
            answer = self.daemon.ask("GET", "/healthz", connection=connection)
            self.assertEqual(answer.status, 200)
        head = self.daemon.ask("HEAD", "/v1/sandboxes", connection=connection)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["Content-Length"]), 2)
        connection.close()


class Slow(DaemonTest):
    options = ("--max-connections", "20", "--patience", "2")

    def test_one_connection_too_many_is_turned_away_and_the_silent_are_cut_off(self):
        silent = [self.connected() for _ in range(200)]
        answers = [self.first_line(client) for client in silent[100:]]
        self.assertIn("HTTP/1.1 503 Service Unavailable", answers)
        # Those that said nothing lose their places, and others get them.
        for client in silent[:100]:
            self.first_line(client)
        self.ok(200, "GET", "/healthz")

    def test_who_sends_a_byte_now_and_then_is_cut_off(self):
        for beginning in [b"G", b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\n"
                                b"Content-Length: 1000\r\n\r\n"]:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.daemon.path)
                client.settimeout(0.2)
                with self.assertRaises((BrokenPipeError, ConnectionResetError, EOFError)):
                    self.drip(client, beginning)
        self.ok(200, "GET", "/healthz")

    def connected(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.daemon.path)  # without a timeout it waits for its turn
        client.settimeout(PATIENCE)
        self.addCleanup(client.close)
        return client

    @staticmethod
    def drip(client, beginning):
        client.sendall(beginning)
        for _ in range(PATIENCE * 5):
            client.sendall(b"x")
            try:
                if not client.recv(1000):
                    raise EOFError
            except TimeoutError:
                pass

    @staticmethod
    def first_line(client):
        try:
            return client.recv(1000).split(b"\r\n")[0].decode()
        except ConnectionResetError:
            return ""


if __name__ == "__main__":
    unittest.main()
