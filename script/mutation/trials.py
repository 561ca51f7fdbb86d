"""Trying a fault: a process of its own runs the tests that reach it, until one of them fails.

Most faults are tried the quick way: in a fork of a process that has collected all tests, by giving the function that
has the fault in it other code. What runs while a module is imported, or was used while tests were collected, is tried
in a fork that hasn't loaded Instep yet and takes the module with the fault from memory. No file is written.
"""

import gc
import importlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from .faults import IMPORT, Mutant

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src"
WITHOUT = ("cacheprovider", "xdist", "doctest", "hypothesispytest", "anyio", "unraisableexception", "threadexception")
"""Plugins that cost time in each run and find no fault."""
ARGUMENTS = ["-q", "-x", "-m", "not slow", "--assert=plain", "--no-header", "--no-summary", "--tb=no"]
ARGUMENTS += [part for plugin in WITHOUT for part in ("-p", f"no:{plugin}")]
MEMORY = 3 * 1024**3
SHORT = 0.5
"""Seconds: what a test may take for a first look."""
PATIENCE = 10
"""Seconds of computing that tests may take beyond those that they take without a fault."""


class Failure(Exception):
    """The tests can't be used as they are; says why."""


@dataclass
class Tests:
    """The tests in a folder: how long each takes, and which lines it reaches."""

    folder: str
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict[str, dict[int, set[str]]])
    """File to line to tests."""
    collecting: dict[str, dict[int, set[str]]] = field(default_factory=dict[str, dict[int, set[str]]])
    """The same for lines that run while tests are collected: they count for all tests in the file that is collected."""
    modules: set[str] = field(default_factory=set[str])
    """What they import."""
    kills: dict[str, int] = field(default_factory=dict[str, int])

    def reaching(self, mutant: Mutant, by_collecting: bool = False) -> list[str]:
        """The tests that may notice the fault, those first that noticed others before, then the shortest.

        by_collecting: only those that were collected with its help."""
        lines = (self.collecting if by_collecting else self.lines).get(mutant.file, {})
        found = set[str]().union(*(lines.get(line, ()) for line in mutant.statement or lines))
        return sorted(found, key=lambda test: (-self.kills.get(test, 0), self.seconds.get(test, 0.0)))

    def found_by(self, noticed: str) -> None:
        """Remember which test noticed a fault."""
        if noticed in self.seconds:
            self.kills[noticed] = self.kills.get(noticed, 0) + 1

    def at_most(self, seconds: float) -> None:
        """Leave out the tests that take longer."""
        long = {test for test, taken in self.seconds.items() if taken > seconds}
        for lines in self.lines.values():
            for names in lines.values():
                names -= long

    def limit(self, tests: Iterable[str]) -> int:
        """How many seconds of computing they may take."""
        return int(4 * sum(self.seconds.get(test, 0.0) for test in tests)) + PATIENCE


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run: what failed, if anything, and what else it tells."""

    failed: str = ""
    told: Any = None


_UNTRIED = "untried"


def prepare() -> None:
    """Make this process ready to be forked."""
    settings.register_profile(
        "mutants",
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    os.chdir(ROOT)


def tried(found: Sequence[Mutant], tests: Tests, jobs: int, quickly: bool = False) -> Iterator[tuple[Mutant, str]]:
    """Try the faults, so many at a time. With each comes what noticed it: a test, `time`, `a crash`, or nothing.

    quickly: leave out whatever can only be tried the long way, and tests that take longer than others."""
    if quickly:
        tests.at_most(SHORT)
    _load(tests.modules, {mutant.file for mutant in found})
    quick = [mutant for mutant in found if mutant.statement is not IMPORT]
    rest = [(mutant, False) for mutant in found if mutant.statement is IMPORT]
    for mutant, noticed in _quickly(quick, tests, jobs):
        if noticed == _UNTRIED or (not noticed and not quickly and tests.reaching(mutant, by_collecting=True)):
            rest.append((mutant, noticed != _UNTRIED))
        else:
            yield mutant, noticed
    if quickly:
        return

    def trials() -> Iterator[_Trial]:
        for number, (mutant, by_collecting) in enumerate(rest):
            names = tests.reaching(mutant, by_collecting)
            yield number, tests.limit(names), _Thorough(mutant, names).run

    for number, ended in _side_by_side(trials(), jobs):
        tests.found_by(ended.failed)
        yield rest[number][0], ended.failed


# ----------------------------------------------------------------------------------------- without a fault


def known(folder: str, files: Iterable[str]) -> Tests:
    """What the tests in a folder reach of these files. Raises Failure when a test fails without any fault."""
    tests = Tests(folder)
    wanted = {str(ROOT / file): file for file in files}
    for path in sorted((ROOT / folder).rglob("test_*.py")):
        name = str(path.relative_to(ROOT))
        ended = _wait(_fork(lambda name=name: _watched(name, wanted)))
        if ended.failed and (failed := _wait(_fork(lambda name=name: _unwatched(name))).failed):
            raise Failure(f"{failed} fails without any fault: mend it first")
        seconds, reached, modules = ended.told
        tests.seconds |= seconds
        for file, lines in reached.items():
            for line, names in lines.items():
                tests.lines.setdefault(file, {}).setdefault(int(line), set()).update(seconds if "" in names else names)
                if "" in names:
                    tests.collecting.setdefault(file, {}).setdefault(int(line), set()).update(seconds)
        tests.modules.update(modules)
    return tests


def _unwatched(path: str) -> Ended:
    watcher = _Watcher()
    code = pytest.main([*ARGUMENTS, path], plugins=[watcher])
    return Ended(watcher.failed or _failed(code))


def _watched(path: str, wanted: Mapping[str, str]) -> Ended:
    """What the tests in a file reach, by file and line; what runs while they are collected stands under no name.

    Those that fail because being watched takes time are left out: what depends on time is no witness."""
    reached: dict[str, dict[int, set[str]]] = {file: {} for file in wanted.values()}
    watcher = _Watcher()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        file = wanted.get(frame.f_code.co_filename)
        if file is None:
            return None
        lines = reached[file]

        def within(frame: FrameType, event: str, _: object) -> Any:
            lines.setdefault(frame.f_lineno, set()).add(watcher.test)
            return within

        return within(frame, event, _)

    sys.settrace(trace)
    code = pytest.main([*ARGUMENTS, "--maxfail=0", path], plugins=[watcher])
    sys.settrace(None)
    failed = set(watcher.failures)
    told = {file: {line: sorted(tests - failed) for line, tests in lines.items()} for file, lines in reached.items()}
    seconds = {test: taken for test, taken in watcher.seconds.items() if test not in failed}
    return Ended(watcher.failed or _failed(code), (seconds, told, list(sys.modules)))


def _failed(code: int) -> str:
    fine = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    return "" if code in fine else f"pytest, with {pytest.ExitCode(code).name},"


def _load(names: Iterable[str], files: Iterable[str]) -> None:
    """Have the modules ready that no fault will be in and that need none of those."""
    for name in [name for name in sys.modules if name.split(".")[0] == "instep"]:
        del sys.modules[name]  # of the group before
    refusing = _Refusing({module(file) for file in files})
    sys.meta_path.insert(0, refusing)
    for name in sorted(names):
        if name.split(".")[0] not in ("tests", "bench", "script", "conftest"):
            with suppress(ImportError):
                importlib.import_module(name)
    sys.meta_path.remove(refusing)


class _Refusing(MetaPathFinder):
    """Lets nobody import these modules."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in self.names:
            raise ImportError(fullname)


def module(file: str) -> str:
    """The name of the module in a file of the checkout."""
    return ".".join((ROOT / file).relative_to(SOURCE).with_suffix("").parts)


class _Watcher:
    """Hears from pytest which test runs, how long it took, and which one failed."""

    def __init__(self) -> None:
        self.test = ""
        self.failures: list[str] = []
        self.seconds: dict[str, float] = {}

    @property
    def failed(self) -> str:
        """The first that failed."""
        return self.failures[0] if self.failures else ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failures.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(report.nodeid)


# ------------------------------------------------------------------------------------------------ the quick way


def _quickly(found: Sequence[Mutant], tests: Tests, jobs: int) -> Iterator[tuple[Mutant, str]]:
    reading, writing = os.pipe()

    def work() -> Ended:
        def tell(number: int, noticed: str) -> None:
            os.write(writing, f"{json.dumps([number, noticed])}\n".encode())

        quick = _Quick(found, tests, jobs, tell)
        return Ended(_failed(pytest.main([*ARGUMENTS, tests.folder], plugins=[quick])))

    collected = _fork(work)
    os.close(writing)
    told = 0
    try:
        with os.fdopen(reading) as lines:
            for line in lines:
                number, noticed = json.loads(line)
                told += 1
                tests.found_by(noticed)
                yield found[number], noticed
    except BaseException:
        os.kill(collected.pid, signal.SIGTERM)
        raise
    finally:
        ended = _wait(collected)
    if ended.failed or told < len(found):
        raise Failure(f"{tests.folder} can't be collected: {ended.failed}")


class _Quick(_Watcher):
    """Tries faults in the process that has collected the tests."""

    def __init__(self, found: Sequence[Mutant], tests: Tests, jobs: int, tell: Callable[[int, str], None]) -> None:
        super().__init__()
        self.found, self.tests, self.jobs, self.tell = found, tests, jobs, tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests."""
        items = {item.nodeid: item for item in session.items}
        functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        for function in gc.get_objects():
            if type(function) is FunctionType:
                functions.setdefault(_key(function.__code__), []).append(function)
        gc.freeze()

        def trials() -> Iterator[_Trial]:
            for number, mutant in enumerate(self.found):
                names = self.tests.reaching(mutant)
                if names:
                    chosen = [items[name] for name in names if name in items]
                    yield number, self.tests.limit(names), lambda m=mutant, c=chosen: self._try(m, c, functions)
                else:
                    self.tell(number, "")

        for number, ended in _side_by_side(trials(), self.jobs):
            self.tests.found_by(ended.failed)
            self.tell(number, ended.failed)
        return True

    def _try(
        self, mutant: Mutant, items: list[pytest.Item], functions: Mapping[tuple[str, str, int], list[FunctionType]]
    ) -> Ended:
        codes = list(_codes(mutant.code))
        swapped = False
        for key in {_key(code) for code in codes}:
            other = [code for code in codes if _key(code) == key]
            for function in functions.get(key, ()):
                if len(other) > 1:
                    return Ended(_UNTRIED)
                if function.__code__ != other[0]:
                    try:
                        function.__code__ = other[0]
                    except ValueError:  # it sees fewer names of the function around it
                        return Ended(_UNTRIED)
                    swapped = True
        if not swapped:
            return Ended(_UNTRIED)
        for item in items:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                break
        return Ended(self.failed)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of all functions in a module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


# --------------------------------------------------------------------------------------------- the thorough way


class _Thorough(_Watcher, MetaPathFinder, Loader):
    """Gives the module with the fault from memory, and lets only these tests run, in their order."""

    def __init__(self, mutant: Mutant, tests: Sequence[str]) -> None:
        super().__init__()
        self.mutant = mutant
        self.order = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda item: self.order[item.nodeid])

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != module(self.mutant.file):
            return None
        return spec_from_file_location(fullname, ROOT / self.mutant.file, loader=self)

    def exec_module(self, made: ModuleType) -> None:
        exec(self.mutant.code, made.__dict__)

    def run(self) -> Ended:
        sys.meta_path.insert(0, self)
        code = pytest.main([*ARGUMENTS, *dict.fromkeys(test.split("::")[0] for test in self.order)], plugins=[self])
        return Ended(self.failed or _failed(code))


# ------------------------------------------------------------------------------------------------ processes


@dataclass(frozen=True, slots=True)
class _Running:
    pid: int
    answer: IO[bytes]


_Trial = tuple[int, int, Callable[[], Ended]]
"""Its number, how many seconds of computing it may take, and what is to be done."""


def _side_by_side(trials: Iterable[_Trial], jobs: int) -> Iterator[tuple[int, Ended]]:
    """Do them, each in a process of its own and so many at a time; the number of each, and how it ended."""
    running: dict[int, tuple[int, _Running]] = {}

    def one() -> tuple[int, Ended]:
        pid, status = os.wait()
        number, process = running.pop(pid)
        return number, _wait(process, status)

    try:
        for number, seconds, work in trials:
            while len(running) >= jobs:
                yield one()
            started = _fork(work, seconds)
            running[started.pid] = number, started
        while running:
            yield one()
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(work: Callable[[], Ended], seconds: int | None = None) -> _Running:
    """Do the work in a process of its own. seconds: of computing, after which it's ended."""
    answer = tempfile.TemporaryFile()  # noqa: SIM115 - _wait closes it
    pid = os.fork()
    if pid:
        return _Running(pid, answer)
    try:
        if seconds is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            ended = work()
        answer.write(json.dumps([ended.failed, ended.told]).encode())
        answer.flush()
    except BaseException as wrong:  # noqa: BLE001 - it's told, and the process ends
        if not isinstance(wrong, MemoryError | KeyboardInterrupt):
            traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(0)


def _wait(running: _Running, status: int | None = None) -> Ended:
    if status is None:
        status = os.waitpid(running.pid, 0)[1]
    with running.answer:
        running.answer.seek(0)
        text = running.answer.read()
    if text:
        return Ended(*json.loads(text))
    late = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
    return Ended("time" if late else "a crash")
