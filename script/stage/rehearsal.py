"""Loads all of Instep, and rehearses on an empty folder: what is forked from here finds everything loaded.

Importing this module does it. It is for the fork server of `commands.py`, which does nothing else with it.
"""

import contextlib
import importlib
import io
import pkgutil
import signal
import tempfile

# A Ctrl-C is the demo's. It ends us too, when it ends, and meanwhile there's nothing to say about it.
before = signal.signal(signal.SIGINT, signal.SIG_IGN)

for found in pkgutil.walk_packages(importlib.import_module("instep").__path__, "instep."):
    importlib.import_module(found.name)

app = importlib.import_module("instep.cli.main").app
with tempfile.TemporaryDirectory() as folder:
    for line in (["org", "create", "Rehearsal"], ["directory", "list"], ["app", "list"]):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            app(["--data", folder, *line])

signal.signal(signal.SIGINT, before)
