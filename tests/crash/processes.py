"""Real processes that cost little: forked from this one, which has everything imported already.

Such a process runs the command line's own entry with arguments and an environment of its own. Fork only while this
process has no threads and no event loop.
"""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

LONGEST = 120
"""Seconds after which a process that hasn't ended counts as hung, and is ended by SIGALRM."""


def forked(work: Callable[[], object], output: Path) -> int:
    """Run `work` in a new process whose output goes to that file; returns its pid. 70 is its code when it raises."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        signal.alarm(LONGEST)
        file = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for standard in (1, 2):
            os.dup2(file, standard)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the end of the process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def instep(words: tuple[str, ...], environment: dict[str, str]) -> None:
    """What a process does that is the command `instep`."""
    for name in [name for name in os.environ if name.startswith("INSTEP_")]:
        del os.environ[name]
    os.environ.update(environment)
    sys.argv = ["instep", *words]
    from instep.cli.main import main

    main()


def ended(pid: int) -> int:
    """Wait for its end: the exit code, or a signal's number as a negative one."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(pid: int) -> None:
    """End it and wait for that."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


COMMANDS = (
    "aiohttp",
    "alembic.command",
    "instep.cli.app",
    "instep.cli.directory",
    "instep.cli.sync",
    "instep.engine.cycle",
    "instep.mailing.layout",
    "instep.serviceprovider.server",
    "instep.targets.scim",
    "instep.wiring.serving",
)
"""What the processes of a cycle begin with."""


def modules() -> list[str]:
    """What this process has imported by now."""
    return sorted(name for name in sys.modules if name != "__main__")


def import_ahead(names: Iterable[str]) -> None:
    """Import what other processes found they need, so that those forked from here on have it; and have no garbage
    collection of it in each of them anew."""
    for name in names:
        with suppress(ImportError):  # some are made up by their packages, and come with them
            import_module(name)
    gc.collect()
    gc.freeze()
