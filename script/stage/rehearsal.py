"""Loads all of Instep, and rehearses on an empty folder: what is forked from here finds everything loaded.

Importing this module does it. It is for the fork server of `commands.py`, which does nothing else with it.
"""

import contextlib
import importlib
import io
import pkgutil
import tempfile

import instep
from instep.cli.main import app

for found in pkgutil.walk_packages(instep.__path__, "instep."):
    importlib.import_module(found.name)

with tempfile.TemporaryDirectory() as folder:
    for line in (["org", "create", "Rehearsal"], ["directory", "list"], ["app", "list"]):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            app(["--data", folder, *line])
