"""Child processes that never outlive this one, whatever ends it."""

import ctypes
import os
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_libc = ctypes.CDLL(None, use_errno=True)


class Interrupted(Exception):
    """A signal asked this program to end."""

    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.status = 128 + number


def _raise_interrupted(number, _frame):
    # Once: what cleans up then must come to its end.
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def end_on_signals():
    """Turns the signals that end a program into an exception, so that `finally` is reached."""
    for number in _ENDING:
        signal.signal(number, _raise_interrupted)


def start(argv, **options):
    """Popen; the child gets SIGKILL when this process ends, be it by SIGKILL itself."""
    parent = os.getpid()

    def in_child():
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before prctl
            os._exit(127)

    return subprocess.Popen(argv, preexec_fn=in_child, **options)


def stop(process):
    """Kills and reaps, however far it has come."""
    if process.poll() is None:
        process.kill()
    process.wait()


def output_of(argv):
    """What a program prints; where it fails, so does this. Its own children end with it."""
    with start(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            out, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return out
