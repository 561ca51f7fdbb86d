"""One run: a story is told to the real engine, then it's quiet, then everything must be right.

All is one thread in virtual time. What is written down of a run (`Outcome.trace`) is the same to the byte whenever the
same story is told.
"""

import asyncio
import gc
import hashlib
import logging
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import structlog
from bench.throttled import VirtualLoop
from msgspec import Struct
from tests.simulator.app import ModelApp, Storm
from tests.simulator.checks import Checks
from tests.simulator.company import Company, Export, Reading
from tests.simulator.story import Event, Story
from tests.simulator.worker import READ_LAG, Stores, Time, Worker, owned

from instep.core.app import App, Audit
from instep.core.directory import Entry
from instep.core.job import JobStatus, Reset, Wish
from instep.core.quarantine import lifted
from instep.core.subject import Kind
from instep.directory.importing import ImportRefused, RemovalsRefused, import_files
from instep.engine import job_runner
from instep.engine.audit import run_audit
from instep.engine.progress import Progress
from instep.ports import CycleSummary
from instep.stores.directory import DirectoryStore
from instep.stores.state import StateStore

TOKEN = "simulated-secret"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
QUIET_ROUNDS = 40
"""Within so many rounds, each of a few hours, everything has to be right once nothing goes wrong any more."""
COMES_AGAIN = 10.0
"""Seconds after which somebody comes in the place of a worker that has died."""


class Outcome(Struct):
    """What came of a run."""

    seed: int
    wrong: list[str]
    """What must never be and was, or must be and wasn't; empty where all is well."""
    digest: str
    """Names everything that happened."""
    faults: list[str]
    """The kinds of fault that really happened."""
    requests: int
    cycles: int
    seconds: float
    """Virtual ones."""
    trace: list[str] = []
    """What happened, a line each; kept when asked for."""


PATIENCE = 20.0
"""Seconds of the processor after which a run is taken for one that never ends."""


class Endless(KeyboardInterrupt):  # the loop lets no other exception of a callback through
    """The run doesn't come to an end."""


def run(story: Story, keep: bool = False) -> Outcome:
    """Tell the story. keep: keep the trace."""
    with _folder() as folder, _uncollected():
        told = _Run(story, folder, keep)
        try:
            with asyncio.Runner(loop_factory=_loop) as runner, _limited():
                return runner.run(told.all())
        except (Endless, RuntimeError):  # the latter from whoever then waits for something that never happens
            wrong = "0.0 s: the run doesn't end"
        except Exception as fault:  # noqa: BLE001 - one run that breaks leaves the others alone
            wrong = f"0.0 s: the run broke: {type(fault).__name__}: {fault}"
        return Outcome(story.seed, [wrong], "", [], 0, 0, 0.0, told.trace)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage meanwhile: a run makes little of it, and looking takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _limited() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class _Run:
    def __init__(self, story: Story, folder: Path, keep: bool) -> None:
        self._story = story
        self._folder = folder
        self._keep = keep
        self._hash = hashlib.blake2b(digest_size=16)
        self.trace: list[str] = []
        self._time = Time()
        self._dead: set[str] = set()
        self._jumped = -READ_LAG
        self._fell = asyncio.Event()
        """A worker has died, or its runner has ended by itself."""
        self._workers: list[Worker] = []
        self._born = 0
        self._cycles = 0
        self._faults: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._reading = Reading()
        self._company = Company()
        self._stores: Stores

    async def all(self) -> Outcome:
        """The whole run."""
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        loop = asyncio.get_running_loop()
        self._checks = Checks(self._company, loop.time)
        self._app = ModelApp(self._story.seed, self._story.traits, loop.time, self._tell, self._checks.wrong)
        self._app.known_name = self._company.names.__contains__
        self._stores = Stores(self._folder)
        try:
            self._save_rules()
            for _ in range(self._story.traits["workers"]):
                self._start()
            await self._tell_story()
            await self._fall_quiet()
        except Exception as fault:  # noqa: BLE001 - a run that breaks is a finding as well
            self._checks.wrong(f"the run broke: {type(fault).__name__}: {fault}")
        finally:
            for worker in self._workers:
                await worker.bury()
            for task in (*self._tasks, *self._app.pending):
                task.cancel()
            await asyncio.sleep(0)
            self._stores.close()
        self._checks.secrets(self._folder, TOKEN)
        if self._story.traits["lag"]:
            self._faults.add("stale reads")
        faults = sorted(self._faults | self._app.fault_seen)
        digest, seconds = self._hash.hexdigest(), loop.time()
        return Outcome(
            self._story.seed, self._checks.found, digest, faults, self._app.requests, self._cycles, seconds, self.trace
        )

    # ----------------------------------------------------------------------------------------- the story

    async def _tell_story(self) -> None:
        events = self._story.events
        at = 0
        while at < len(events):
            if events[at]["do"] not in _EVENTS:
                upto = at
                while upto < len(events) and events[upto]["do"] not in _EVENTS:
                    upto += 1
                self._edit(events[at:upto])
                at = upto
                await self._look()
            else:
                await _EVENTS[events[at]["do"]](self, events[at])
                at += 1

    def _edit(self, operations: list[Event]) -> None:
        with self._stores.directory.edit() as edit:
            for op in operations:
                self._company.apply(op, edit)
        self._tell(f"edit {len(operations)}")
        self._moved()

    def _moved(self) -> None:
        self._checks.moved(self._company.wanted(self._reading, asyncio.get_running_loop().time()))

    async def _look(self) -> None:
        for worker in self._workers:
            await worker.look()

    async def _wait(self, event: Event) -> None:
        await self._pass(event["seconds"])

    async def _pass(self, seconds: float) -> None:
        """Let time pass. Whoever has died meanwhile comes again a little later."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (rest := until - loop.time()) > 0.001:  # the loop takes what is nearer than that for now
            self._fell.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._fell.wait(), rest)
                await asyncio.sleep(COMES_AGAIN)
            for worker in [w for w in self._workers if w.dead]:
                self._faults.add("crash")
                self._workers.remove(worker)
                await worker.bury()
                self._start()
                await self._look()
            for worker in self._workers:
                if worker.fault:
                    raise worker.fault
        await self._look()

    async def _fault(self, event: Event) -> None:
        self._app.armed[self._app.writes + event["after"]] = event

    async def _storm(self, event: Event) -> None:
        until = asyncio.get_running_loop().time() + event["seconds"]
        self._app.storms[event["kind"]] = Storm(event["kind"], until, event["share"])

    async def _crash(self, event: Event) -> None:
        worker = self._busiest()
        worker.crash_at = (worker.writes + event["after"], event["when"])

    async def _stop(self, event: Event) -> None:
        worker = self._busiest()

        async def stopped() -> None:
            await asyncio.sleep(event["after"])
            if not worker.dead:
                self._faults.add("stop")
                worker.stop()
                await asyncio.sleep(event["seconds"])
                worker.go_on()
                await worker.look()

        self._later(stopped())

    async def _rules(self, event: Event) -> None:
        async def changed() -> None:
            await asyncio.sleep(event["after"])
            self._faults.add("rules")
            self._reading = Reading(**event["reading"])
            self._save_rules()
            self._moved()
            await self._look()

        self._later(changed())

    async def _import(self, event: Event) -> None:
        lack = {who for who in event["lack"] if who in self._company.users}
        export = Export(self._company, lack)
        gone = [w for w in lack if self._company.users[w].presence.value == "present"]
        allowed = len(gone) * 40 if event["forced"] else None
        try:
            import_files(
                self._stores.directory,
                [export],
                now=self._time.now(),
                new_id=lambda: "never",
                replace=True,
                allow_removals=allowed,
            )
        except (RemovalsRefused, ImportRefused) as refused:
            self._tell(f"import refused: {type(refused).__name__}")
        else:
            if gone and not event["forced"] and (len(gone) > 5 or len(gone) * 2 >= len(self._company.users)):
                self._checks.wrong(f"I4: an import that lacks {len(gone)} was taken for the whole truth")
            self._company.soft_delete(sorted(gone))
            self._tell(f"import without {sorted(gone)}")
        if gone:
            self._faults.add("truncated source" if len(gone) < len(self._company.users) else "empty source")
        self._moved()
        await self._look()

    async def _replaced(self, _: Event) -> None:
        # A copy that was put back: without its mark, the directory can't tell what has changed.
        (self._folder / "directory.sqlite.mark").unlink(missing_ok=True)
        with self._stores.directory.edit() as edit:
            edit.put(_canary_group(asyncio.get_running_loop().time()))
        self._faults.add("replaced")
        await self._look()

    async def _jump(self, event: Event) -> None:
        # How long ago somebody was written about is told by the day's clock: where a restart forgets links, it has to
        # be right for as long as reads may lag.
        if Reset.LINKS in self._stores.read(lambda state: state.asked("app").reset):
            return
        self._time.skew += timedelta(hours=event["hours"])
        self._jumped = asyncio.get_running_loop().time()
        self._checks.set_back = self._checks.set_back or event["hours"] < 0
        self._faults.add("jump")

    async def _by_hand(self, event: Event) -> None:
        if await self._checks.by_hand(self._app, event):
            self._faults.add("by hand")

    async def _reset(self, event: Event) -> None:
        rest = self._jumped + READ_LAG - asyncio.get_running_loop().time()
        if "ConnectorDataStore" in event["scopes"] and rest > 0:
            await self._pass(rest)
        with self._stores.state.writing() as state:
            state.ask_reset("app", frozenset(Reset(scope) for scope in event["scopes"]))
        self._faults.add("reset")
        await self._look()

    async def _audit(self, _: Event) -> None:
        worker = next(w for w in self._workers if not w.dead)
        app = self._stores.read(lambda state: state.app("app"))
        async with worker.connect(app) as (job, target):
            summary = await run_audit(worker.world, job, target, Progress(), asyncio.Event(), pace=lambda took: 0.0)
        self._tell(f"audit {summary.result} {summary.counts}")

    async def _judge(self, event: Event) -> None:
        with self._stores.state.writing() as state:
            digests = {hold.digest: event["verdict"] for _, hold in state.holds("app")}
            if digests:
                state.judge_holds("app", digests)
                self._tell(f"{event['verdict']} {len(digests)}")
        await self._look()

    # ------------------------------------------------------------------------------------------ then quiet

    async def _fall_quiet(self) -> None:
        self._app.storms.clear()
        self._app.armed.clear()
        for worker in self._workers:
            worker.crash_at = None
        await self._pass(300.0)  # whoever is stopped goes on, what is late is carried out
        audited = False
        for number in range(QUIET_ROUNDS):
            await self._judge({"verdict": "approved"})
            with self._stores.state.writing() as state:
                state.change_status("app", lifted)
                state.wish(Wish("app", self._time.now()))
            await self._look()
            await self._pass(600.0)
            with self._stores.state.reading() as state:
                open_still = [*state.intents("app"), *state.holds("app")]
                escrow = state.escrow("app")
            blocked = self._checks.blocked(self._app, escrow)
            busy = any(worker.running for worker in self._workers)
            unwell = self._checks.unlike(self._app, self._story.traits, self._reading, blocked)
            if not audited and (number >= 2 or not (open_still or busy or escrow)):
                # Only an audit sees what was done by hand, such as members whose account is gone.
                await self._audit({})
                audited = True
                continue
            if open_still or busy or len(escrow) > len(blocked) or unwell:
                self._tell(f"not quiet in round {number}: {len(open_still)} {len(escrow)} {busy} {unwell[:2]}")
                await self._pass(6 * 3600.0)
                audited = audited and bool(number % 5)
                continue
            await self._check_rest(blocked)
            return
        for each in self._checks.unlike(self._app, self._story.traits, self._reading, blocked) or ["work is left"]:
            self._checks.wrong(f"I1: after {QUIET_ROUNDS} quiet rounds: {each}")
        for link in escrow[:3]:
            self._checks.wrong(f"I6: {link.name} still fails: {link.last_error}")

    async def _check_rest(self, blocked: set[str]) -> None:
        """Everything is right: then nothing more is asked of the app, and each effect is in the log."""
        before = self._app.requests
        with self._stores.state.writing() as state:
            state.wish(Wish("app", self._time.now()))
        await self._look()
        await self._pass(3600.0)
        if self._app.requests > before + len(blocked) * 6:
            self._checks.wrong(f"I6: {self._app.requests - before} requests though everything is in step")
        with self._stores.state.reading() as state:
            entries = list(state.log("app"))
        self._checks.log(entries, self._app)

    # ------------------------------------------------------------------------------------------------ parts

    def _save_rules(self) -> None:
        app = App(
            "app",
            "App",
            "scim",
            "https://app.example/scim/v2",
            rules_of(self._reading, self._story.traits),
            interval_minutes=24 * 60,
            audit=Audit("repair"),
        )
        with self._stores.state.writing() as state:
            state.save_app(app, TOKEN)
            if state.status("app").schedule != "active":
                state.change_status("app", lambda status: JobStatus("active"))

    def _start(self) -> None:
        self._born += 1
        self._workers.append(
            Worker(
                f"worker-{self._born}",
                self._story.seed,
                self._stores,
                self._app,
                self._time,
                self._dead,
                self._ended,
                self._fell.set,
            )
        )

    def _busiest(self) -> Worker:
        return next((w for w in self._workers if w.running and not w.dead), self._workers[0])

    def _later(self, work: Any) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def _ended(self, worker: str, summary: CycleSummary) -> None:
        self._cycles += 1
        self._tell(f"{worker} cycle {summary.kind} {summary.result} {sorted(summary.counts.items())} {summary.message}")

    def _tell(self, line: str) -> None:
        told = f"{asyncio.get_running_loop().time():.3f} {line}"
        self._hash.update(told.encode())
        if self._keep:
            self.trace.append(told)


_EVENTS: dict[str, Callable[[_Run, Event], Any]] = {
    "wait": _Run._wait,
    "fault": _Run._fault,
    "storm": _Run._storm,
    "crash": _Run._crash,
    "stop": _Run._stop,
    "rules": _Run._rules,
    "import": _Run._import,
    "replaced": _Run._replaced,
    "jump": _Run._jump,
    "by hand": _Run._by_hand,
    "reset": _Run._reset,
    "audit": _Run._audit,
    "judge": _Run._judge,
}


def rules_of(reading: Reading, traits: dict[str, Any]) -> dict[str, Any]:
    """The rules document that a reading of the company stands for."""
    users: dict[str, Any] = {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]", "matching": 1},
            {"target": "externalId", "source": "[objectId]"},
            {"target": "displayName", "source": 'Append([displayName], "*")' if reading.starred else "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
            {"target": MANAGER, "source": "[manager]", "reference": True},
        ]
    }
    if reading.filtered:
        clause = {"attribute": "jobTitle", "operator": "NOT EQUALS", "value": "Secret"}
        users["filters"] = [{"name": "Nothing secret", "clauses": [clause]}]
    return {
        "scope": "assigned",
        "users": users,
        "groups": {
            "mappings": [
                {"target": "displayName", "source": "[displayName]", "matching": 1},
                {"target": "externalId", "source": "[objectId]"},
            ],
            "members": True,
        },
        "nesting": {
            "scope": "descendants" if reading.nested_scope else "direct",
            "members": "flattened" if reading.flattened else "direct",
        },
        "ending": {"by": "disable", "delete_when_purged": traits["purge deletes"]},
    }


def _canary_group(at: float) -> Any:
    return Entry(Kind.GROUP, "canary", f"Canary {at:.3f}", {"displayName": f"Canary {at:.3f}"})


@cache
def _template() -> Path:
    """Databases with all migrations, made once in this process: a run begins with a copy."""
    folder = Path(tempfile.mkdtemp(prefix="simulator-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    DirectoryStore(folder / "directory.sqlite").close()
    StateStore(folder / "state.sqlite", folder / "secrets.key").close()
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)  # which a pool's processes look after, unlike atexit
    return folder


@contextmanager
def _folder() -> Iterator[Path]:
    template = _template()
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=template))
    try:
        for file in template.glob("*.sqlite*"):
            shutil.copy(file, folder / file.name)
        yield folder
    finally:
        shutil.rmtree(folder)


def _loop() -> VirtualLoop:
    loop = VirtualLoop()
    loop.set_task_factory(owned)  # type: ignore[arg-type]
    return loop


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
job_runner.BUSY = timedelta(seconds=5)
