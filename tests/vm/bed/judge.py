"""What a kernel's log says about the kernel's own health."""

import re

_COMPLAINT = re.compile(
    r"BUG:|WARNING:|Oops|general protection fault|Kernel panic"
    r"|INFO: task .* blocked for more than|possible (?:circular|recursive) locking"
    r"|inconsistent lock state|refcount_t:|UBSAN:|KASAN:"
)
# A slow, emulated CPU on a loaded machine: says nothing about the kernel or about the test.
_EMULATION = re.compile(
    r"soft lockup|hard LOCKUP|clocksource|rcu_(?:preempt|sched).*(?:stall|kthread)|RCU.*stall"
    r"|NMI handler .* took too long|perf: interrupt took too long|workqueue: .* hogged CPU"
)
_LINES_AROUND = 25


def complaints(log):
    """The lines of `log` from the first complaint on; empty for a healthy kernel."""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if _COMPLAINT.search(line) and not _EMULATION.search(line):
            return lines[number : number + _LINES_AROUND]
    return []
