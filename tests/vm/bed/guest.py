"""One guest: its folder, its QEMU, and what comes back from it."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from bed import processes

# A guest boots in seconds; a machine under load may take its time.
BOOT_LIMIT = 240
# From the command's status to the end of QEMU. Nothing is lost by cutting it short.
POWER_OFF_LIMIT = 30
# A KVM that works boots in less than a second.
PROBE_LIMIT = 10
POLL = 0.05
# One thread for all emulated CPUs. With a thread each, QEMU 7.2 may translate code that another CPU
# is just patching and keep what it saw: about one boot in several hundred ran into a breakpoint of
# the kernel's own ("Oops: int3", in the middle of a static key) that was gone from memory already.
# The tests take as long either way.
EMULATION = "tcg,thread=single"


class GuestFailed(Exception):
    """The command did not come to its end; `status` is what tests/vm/run then exits with."""

    def __init__(self, message, status=125):
        super().__init__(message)
        self.status = status


class Folder:
    """A folder for one run, gone with it. Those of runs that were killed are swept by the next."""

    def __init__(self, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / "runs.lock", "w", encoding="ascii") as sweeping:
            fcntl.flock(sweeping, fcntl.LOCK_EX)
            _sweep(cache)
            self.path = pathlib.Path(tempfile.mkdtemp(prefix="run.", dir=cache))
            self._lock = open(self.path / "lock", "w", encoding="ascii")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _sweep(cache):
    for folder in cache.glob("run.*"):
        try:
            with open(folder / "lock", "a", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, or gone


def _qemu(image, log, accelerator):
    """What every guest has. `image`: kernel and initrd."""
    kernel, initrd, *words = image
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-machine", "pc", "-accel", accelerator,
        "-cpu", "host" if accelerator == "kvm" else "max",
        "-kernel", kernel, "-initrd", initrd,
        # An oops is the end of the run, and no kernel message gets in the way of the command's. The
        # timer is not tried: on a busy machine it ticks too late for a kernel that counts on it.
        "-append", " ".join(["console=ttyS0", "loglevel=5", "panic=-1", "oops=panic",
                             "no_timer_check", "log_buf_len=16M", "hung_task_panic=0", *words]),
        "-chardev", f"file,id=log,path={log}", "-serial", "chardev:log",
    ]  # fmt: skip


def accelerator(cache, image):
    """KVM if it boots a guest here, which is found out once for each boot of this machine."""
    wanted = os.environ.get("VENEER_VM_ACCEL")
    if wanted:
        return "kvm" if wanted == "kvm" else EMULATION
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    answer = cache / f"kvm-{boot}"
    if not answer.exists():
        works = os.access("/dev/kvm", os.R_OK | os.W_OK) and _kvm_boots(cache, image)
        part = cache / f"kvm-{boot}.{os.getpid()}"
        part.write_text("yes\n" if works else "no\n", encoding="ascii")
        part.rename(answer)
    return "kvm" if answer.read_text(encoding="ascii") == "yes\n" else EMULATION


def _kvm_boots(cache, image):
    with Folder(cache) as folder:
        log = folder / "console.log"
        argv = _qemu((*image, "veneer.probe"), log, "kvm") + ["-m", "512M", "-serial", "none"]
        qemu = processes.start(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            qemu.wait(PROBE_LIMIT)
        except subprocess.TimeoutExpired:
            return False
        finally:
            processes.stop(qemu)
        return "veneer guest: it boots" in _text(log)


def _text(path):
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


class Guest:
    """Runs the command that lies in results/command of `folder` (guest/main)."""

    def __init__(self, folder, image, options):
        self._folder = folder
        self._results = folder / "results"
        self._image = image
        self._options = options
        self._qemu = None
        self._seen = 0  # bytes of the command's output that were passed on

    def run(self, sink):
        """Passes the command's output to `sink` as it comes; the command's exit status."""
        self._start()
        try:
            self._wait(sink)
        finally:
            processes.stop(self._qemu)
        return int(_text(self._results / "status"))

    def kernel_log(self):
        return _text(self._results / "kernel.log")

    def console(self):
        """What the kernel and the guest's first programs printed, and QEMU's own complaints."""
        return _text(self._folder / "console.log") + _text(self._folder / "qemu.log")

    def _start(self):
        for disk, filesystem in (("scratch", "xfs"), ("raw", None)):
            path = self._folder / f"{disk}.img"
            with open(path, "wb") as file:
                file.truncate(self._options.disk_bytes)
            if filesystem:
                processes.output_of([f"mkfs.{filesystem}", "-q", str(path)])
        argv = self._arguments()
        interactive = self._options.interactive
        with open(self._folder / "qemu.log", "wb") as log:
            self._qemu = processes.start(argv, stdin=None if interactive else subprocess.DEVNULL,
                                         stdout=None if interactive else log,
                                         stderr=log)  # fmt: skip

    def _arguments(self):
        argv = _qemu(self._image, self._folder / "console.log", self._options.accelerator)
        if self._options.interactive:
            argv += ["-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal"]
        argv += ["-m", self._options.memory, "-smp", str(self._options.cpus), "-nic", "none"]
        argv += ["-name", self._options.name, "-device", "virtio-rng-pci"]
        for disk in ("scratch", "raw"):
            argv += ["-drive", f"if=none,id={disk},file={self._folder / disk}.img,format=raw,"
                     "cache=unsafe,discard=unmap,detect-zeroes=off",
                     "-device", f"virtio-blk-pci,drive={disk},serial={disk}"]  # fmt: skip
        for tag, path, more in (("host", "/", ",readonly=on,multidevs=remap"),
                                ("results", self._results, "")):  # fmt: skip
            argv += ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none{more}"]
        return argv

    def _wait(self, sink):
        begin = time.monotonic()
        while self._qemu.poll() is None:
            self._pass_on(sink)
            passed = time.monotonic() - begin
            if (self._results / "status").exists():
                self._wait_for_power_off(sink)
                return
            if passed > BOOT_LIMIT and not (self._results / "started").exists():
                raise GuestFailed(f"the guest did not boot within {BOOT_LIMIT} s")
            if passed > self._options.timeout:
                raise GuestFailed(f"timed out after {self._options.timeout} s; "
                                  f"killed its guest (pid {self._qemu.pid})", 124)  # fmt: skip
            time.sleep(POLL)
        self._pass_on(sink)
        if not (self._results / "status").exists():
            when = "while it ran the command" if (self._results / "started").exists() else "in boot"
            raise GuestFailed(f"the guest crashed {when} (QEMU's status: {self._qemu.returncode})")

    def _wait_for_power_off(self, sink):
        try:
            self._qemu.wait(POWER_OFF_LIMIT)
        except subprocess.TimeoutExpired:
            pass
        self._pass_on(sink)

    def _pass_on(self, sink):
        path = self._results / "output"
        if self._options.interactive or not path.exists():
            return
        with open(path, "rb") as file:
            file.seek(self._seen)
            while data := file.read(1 << 16):
                self._seen += len(data)
                sink.write(data)
        sink.flush()
