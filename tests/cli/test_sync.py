"""`instep sync`: a cycle from the command line, its exit codes, and how it is ended."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.cli.command_line import CommandLine, interrupt, wait_until
from tests.conformance.independent_app import IndependentApp

from instep import wiring
from instep.cli import job
from instep.core.record import CycleSummary, Judging
from instep.scim.abilities import Abilities


def test_sync_brings_the_app_in_step_and_a_second_one_asks_nothing(scim: CommandLine, server: IndependentApp) -> None:
    keys = scim.hire("step", 3)
    scim.company(add={"groups": {"step-group": keys}, "assigned": ["step-group"]})
    asked = sum(server.requests().values())
    first = scim.run("sync", "scim")
    assert first.exit_code == 0
    assert "scim: in step (initial cycle" in first.stdout
    assert "created 4" in first.stdout
    counted = sum(server.requests().values()) - asked
    assert f"{counted} requests" in first.stdout
    asked = server.requests()
    second = scim.run("sync", "scim")
    assert second.exit_code == 0
    assert "nothing to do" in second.stdout
    assert "0 requests" in second.stdout
    assert server.requests() == asked


def test_failure_of_one_is_told_with_its_reason_and_exit_code_1(scim: CommandLine) -> None:
    scim.hire("fine", 1)
    scim.hire("twin", 1, userPrincipalName="FINE00@contoso.example")
    result = scim.run("sync", "scim")
    assert result.exit_code == 1
    assert "created 1, failed 1" in result.stdout
    assert "fail    FINE00@contoso.example" in result.stdout
    assert "1 subject waits in escrow" in result.stdout
    again = scim.json("sync", "scim")
    assert (again["requests"], again["counts"], again["inEscrow"]) == (0, {}, 1)


def test_held_is_told_with_exit_code_4_until_somebody_decides(scim: CommandLine) -> None:
    keys = scim.hire("held", 4)
    scim.run("sync", "scim")
    scim.company(delete=keys[:2])
    scim.hire("odd", 1, userPrincipalName="HELD03@contoso.example")
    result = scim.run("sync", "scim")
    # Somebody failed as well; what is held is more urgent.
    assert "failed 1, held 2" in result.stdout
    assert result.exit_code == 4
    assert "instep approve scim" in result.stdout
    assert scim.run("sync", "scim").exit_code == 4
    assert scim.run("reject", "scim", "--yes").exit_code == 0
    assert scim.run("sync", "scim").exit_code == 0


def test_app_out_of_reach_is_one_clear_line_and_exit_code_3(line: CommandLine) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    line.hire("far", 1)
    result = line.run("sync", "scim")
    assert result.exit_code == 3
    assert "out of reach or refuses us" in result.stdout
    [error] = [text for text in result.stderr.splitlines() if text.startswith("error: ")]
    assert "no connection" in error
    assert line.json("sync", "scim")["message"] in error


def test_after_an_outage_the_next_run_does_everything(line: CommandLine, server: IndependentApp) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    line.hire("outage", 2)
    assert line.run("sync", "scim").exit_code == 3
    line.run("app", "set", "scim", "--url", server.url)
    assert line.json("sync", "scim")["counts"] == {"create": 2}


def test_whoever_runs_the_job_already_is_asked_and_followed(scim: CommandLine) -> None:
    """Another machine's worker: it takes the wish up and ends its cycle, and that is what the command tells."""
    scim.hire("follow", 1)
    state = wiring.state(scim.settings)
    with state.writing() as writer:
        lease = writer.take_lease("scim", "another-host/boot/1/1", datetime.now(UTC), 60)
        cycle = CycleSummary("theirs", "scim", "incremental", datetime.now(UTC))
        writer.begin_cycle(lease, cycle, Judging())

    def work() -> None:
        while True:
            with state.writing() as writer:
                if wishes := writer.asked("scim").wishes:
                    writer.take_wishes(lease, [wish.id for wish in wishes], "theirs")
                    counts = {"create": 41, "requests": 41}
                    ended = msgspec.structs.replace(cycle, ended=datetime.now(UTC), result="succeeded", counts=counts)
                    writer.end_cycle(lease, ended, None, Abilities())
                    writer.give_lease_back(lease)
                    return
            time.sleep(0.1)

    with ThreadPoolExecutor() as elsewhere:
        done = elsewhere.submit(work)
        result = scim.run("sync", "scim")
        done.result(timeout=10)
    state.close()
    assert result.exit_code == 0
    assert "process 1 on another-host" in result.stderr
    assert "created 41" in result.stdout


def test_when_the_other_worker_lets_go_the_command_runs_the_job_itself(scim: CommandLine) -> None:
    scim.hire("takeover", 2)
    state = wiring.state(scim.settings)
    with state.writing() as writer:
        writer.take_lease("scim", "another-host/boot/1/1", datetime.now(UTC), 1.5)
    state.close()
    result = scim.run("sync", "scim")
    assert "asked it, and following" in result.stderr
    assert "created 2" in result.stdout


def test_an_app_whose_job_runs_elsewhere_isnt_removed(scim: CommandLine) -> None:
    state = wiring.state(scim.settings)
    with state.writing() as writer:
        writer.take_lease("scim", "another-host/boot/1/1", datetime.now(UTC), 60)
    state.close()
    removing = scim.run("app", "remove", "scim", "--yes")
    assert (removing.exit_code, "another-host" in removing.stderr) == (5, True)


def test_nothing_is_sent_to_an_app_that_is_paused(scim: CommandLine, server: IndependentApp) -> None:
    scim.hire("paused", 1)
    scim.run("pause", "scim")
    before = server.requests()
    result = scim.run("sync", "scim")
    assert (result.exit_code, "instep start scim" in result.stderr) == (2, True)
    assert server.requests() == before
    scim.run("start", "scim")
    assert scim.json("sync", "scim")["counts"] == {"create": 1}


def test_without_a_terminal_progress_is_a_few_plain_lines(scim: CommandLine) -> None:
    scim.hire("plain", 2)
    result = scim.run("sync", "scim")
    [told] = result.stderr.splitlines()
    assert told.startswith("applying: 0 of 2, ")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_cleanly_and_the_next_run_goes_on(
    scim: CommandLine, server: IndependentApp, number: signal.Signals
) -> None:
    prefix = f"stopped-{number.name.lower()}-"
    keys = scim.hire(prefix, 90)
    before = server.requests().get("POST", 0)
    process = scim.start("sync", "scim")
    wait_until(lambda: server.requests().get("POST", 0) > before + 3)
    interrupt(process, number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "interrupted; run it again to go on" in out
    assert "Stopping" in err
    assert "Traceback" not in err
    status = scim.json("status", "scim")
    assert (status["running"], status["openIntents"]) == (None, 0)
    made = server.requests()["POST"] - before
    assert 3 < made < 90
    again = scim.json("sync", "scim")
    assert again["result"] == "succeeded"
    # No creation was repeated: each person was made by exactly one, alone or in a bulk request. A second one would
    # have been refused, and the account adopted.
    created = scim.run("log", "scim", "--action", "create", "--status", "success", "--limit", "200", "--json").stdout
    people = [json.loads(entry)["sourceIdentity"]["id"] for entry in created.splitlines()]
    assert sorted(people) == sorted(keys)
    assert scim.json("status", "scim")["links"] == {"User active": len(keys)}


@pytest.fixture
def silent() -> Iterator[str]:
    """An app that takes connections and never answers; its tenant URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/scim"


@pytest.mark.slow
def test_second_signal_ends_at_once_whatever_is_under_way(line: CommandLine, silent: str) -> None:
    line.run("app", "add", "scim", "--url", silent, "--token-env", "APP_TOKEN")
    line.hire("silent", 2)
    process = line.start("sync", "scim")
    wait_until(lambda: line.json("status", "scim")["running"] is not None)
    interrupt(process)
    assert process.stderr is not None
    assert "Stopping" in process.stderr.readline()
    interrupt(process)
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGINT
    # The dead process's lease doesn't keep the next one out.
    assert line.json("status", "scim")["running"] is None


def test_every_exit_code_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/exit-codes.md").read_text()
    for code in (0, job.FAILURES, job.USAGE, job.UNAVAILABLE, job.HELD, job.RUNNING, 130, 143):
        assert f"| {code} |" in page
