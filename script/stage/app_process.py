"""The app: `instep org serve` as a process of its own, which is stopped whatever happens."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stage.terminal import NotAsExpected

_PATIENCE = 30.0
_GRACE = 10.0


@contextmanager
def serving(instep: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serves the organisations in `folder` while the block runs, and gives the SCIM base URL."""
    ready, log = folder / "app.url", folder / "app.log"
    ready.unlink(missing_ok=True)
    command = [instep, "org", "serve", "--port", "0", "--ready-file", str(ready)]
    with log.open("w") as output:
        # A session of its own: a Ctrl-C at the terminal is the demo's, which then stops the app in order.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield _url(process, ready, log)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> str:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if ready.exists():
            return ready.read_text().strip()
        time.sleep(0.02)
    raise NotAsExpected(f"The app didn't come up. It said: {log.read_text().strip() or 'nothing'}")
