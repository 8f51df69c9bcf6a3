"""The daemon's page in a real browser: each test plays one scene of scenes.mjs on a daemon of its own.

Pictures of each state are kept in $VENEER_PAGE_PICTURES.
"""

import os
import pathlib
import sqlite3
import subprocess
import unittest

from daemon import DaemonTest, write_block

HERE = pathlib.Path(__file__).resolve().parent


class PageTest(DaemonTest):
    port = 0

    def start(self, *options, **more):
        daemon = super().start("--listen", f"unix:{self.home}/api.sock", "--listen",
                               f"127.0.0.1:{self.port}", *options, **more)
        self.port = daemon.port
        return daemon

    def stop_daemon(self):
        self.assertEqual(self.daemon.stop(), 0)

    def start_daemon(self):
        self.daemon = self.start()

    def play(self, scene):
        """Plays it; what it asks for on its output is done with the daemon."""
        wishes = {"stop": self.stop_daemon, "start": self.start_daemon}
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "node", HERE / "scenes.mjs", scene],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home),
                 "VENEER_PAGE_HOME": str(self.home), "VENEER_PAGE_TOKEN": self.daemon.token(),
                 "VENEER_PAGE_URL": f"http://127.0.0.1:{self.daemon.port}"})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stdout:
            wish = wishes.get(line.strip())
            if wish is None:
                print(line, end="")
                continue
            wish()
            process.stdin.write("done\n")
            process.stdin.flush()
        self.assertEqual(process.wait(), 0, f"the scene {scene}; the last picture is kept")


class Page(PageTest):
    def test_a_sandbox_lives_through_all_its_states(self):
        self.play("life")

    def test_errors_say_what_to_do(self):
        self.play("errors")

    def test_all_of_it_goes_by_keyboard(self):
        self.play("keyboard")

    def test_it_fits_a_phone(self):
        self.play("phone")

    def test_commands_run_in_the_console(self):
        self.play("console")

    def test_a_wish_sent_again_has_its_key(self):
        self.play("wishes")

    def test_dialogs_that_are_left_lose_nothing(self):
        self.play("left")

    def test_pressing_twice_asks_once(self):
        self.play("twice")

    def test_an_address_without_sense_names_nothing(self):
        self.play("nowhere")

    def test_the_daemon_goes_and_comes_again(self):
        self.play("apart")


class FirstDay(PageTest):
    def test_an_empty_host_says_how_to_begin(self):
        self.veneer("template", "rm", "base")
        self.play("first")


class Many(PageTest):
    """A thousand sandboxes: three real ones, paused, and records of others that are like them."""

    def test_a_thousand_sandboxes_are_found_and_turned_over(self):
        for n, blocks in enumerate((3, 400, 1900)):
            disk = self.create(f"job-{n:04}")["path"]
            write_block(disk, 0, b"x" * blocks)
            self.ok(200, "POST", f"/v1/sandboxes/job-{n:04}/pause")
        self.stop_daemon()
        self.addCleanup(self.forget_records)
        self.record_others()
        self.start_daemon()
        self.play("many")

    def catalog(self):
        return sqlite3.connect(self.home / "root/catalog.db", isolation_level=None)

    def record_others(self):
        with self.catalog() as catalog:
            columns = [row[1] for row in catalog.execute("PRAGMA table_info(sandboxes)")]
            real = [dict(zip(columns, row)) for row in
                    catalog.execute("SELECT * FROM sandboxes ORDER BY name")]
            catalog.execute("BEGIN")
            for n in range(3, 1000):
                like = real[n * 7 % 3]
                each = {**like, "id": f"sb-{n:08x}", "name": f"job-{n:04}",
                        "created_at": like["created_at"] - n * 600_000}
                if n % 50 == 7:
                    each.update(state="failed", reason="its store is missing")
                else:
                    store = self.home / "root/sandboxes" / f"{like['id']}.cow"
                    os.link(store, store.with_name(f"{each['id']}.cow"))
                catalog.execute(
                    f"INSERT INTO sandboxes VALUES ({','.join('?' * len(columns))})",
                    list(each.values()))
            catalog.execute("COMMIT")

    def forget_records(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        with self.catalog() as catalog:
            catalog.execute("DELETE FROM sandboxes WHERE name > 'job-0002'")


if __name__ == "__main__":
    unittest.main()
