"""The daemon's events, as somebody hears them who listens."""

import json


class Ear:
    """Listens to the daemon's events; `last`: goes on behind this one."""

    def __init__(self, daemon, last=None):
        self.connection = daemon.connect()
        self.connection.request("GET", "/v1/events",
                                headers={"Last-Event-ID": last} if last else {})
        self.response = self.connection.getresponse()
        # The first is said at once: whoever reads it misses nothing from here on.
        if not last:
            self.response.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()

    def next(self):
        """The next event; None where the stream has ended."""
        event = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            name, _, value = line.rstrip("\n").partition(": ")
            if value and name:
                event[name] = json.loads(value) if name == "data" else value
            elif event:
                return event

    def until(self, wanted):
        while not wanted(event := self.next()):
            pass
        return event
