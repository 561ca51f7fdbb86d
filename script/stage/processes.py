"""What runs beside the demo: the test app, and in the end Instep's service. Each is stopped whatever happens."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stage.terminal import NotAsExpected

_PATIENCE = 30.0
_GRACE = 10.0


@contextmanager
def app(instep: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serves the organisations in `folder` while the block runs, and gives the SCIM base URL."""
    ready, log = folder / "app.url", folder / "app.log"
    ready.unlink(missing_ok=True)
    command = [str(instep), "org", "serve", "--port", "0", "--ready-file", str(ready)]
    with _running(command, log, environment, ready.exists):
        yield ready.read_text().strip()


@contextmanager
def service(instep: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """`instep serve` over the data in `folder`, while the block runs."""
    log = folder / "service.log"
    command = [str(instep), "--data", str(folder), "serve", "--listen", "off"]
    with _running(command, log, environment, lambda: "service.started" in log.read_text()):
        yield


@contextmanager
def _running(
    command: list[str], log: Path, environment: Mapping[str, str], ready: Callable[[], bool]
) -> Iterator[None]:
    with log.open("w") as output:
        # A session of its own: a Ctrl-C at the terminal is the demo's, which then stops this in order.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until = time.monotonic() + _PATIENCE
        while not ready():
            if time.monotonic() > until or process.poll() is not None:
                said = log.read_text().strip() or "nothing"
                raise NotAsExpected(f"`{' '.join(command[1:4])} ...` didn't come up. It said: {said}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
