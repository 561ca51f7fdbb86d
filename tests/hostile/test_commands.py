"""`instep hostile-app` and `hostile-source`, as a person or a script uses them."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from instep.cli.main import app
from instep.hostile.personas import PERSONAS
from instep.hostile.spoiling import SPOILT


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def asked(url: str, method: str = "GET", body: Any = None, token: str = "sesame") -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize(("command", "known"), [("hostile-app", PERSONAS), ("hostile-source", SPOILT)])
def test_all_personas_are_listed_with_a_line_each(command: str, known: dict[str, Any]) -> None:
    listed = run(command, "--list")
    assert listed.exit_code == 0, listed.output
    assert [line.split()[0] for line in listed.stdout.splitlines() if line[:1].strip()] == list(known)
    assert "--list" in run(command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--persona", "nobody"], "there is no persona 'nobody'"),
        (["--set", "lag"], "isn't NAME=NUMBER"),
        (["--set", "lag=much"], "isn't NAME=NUMBER"),
        (["--set", "lag=5"], "'lag'"),
        (["--persona", "stale-reads", "--share", "0.5"], "'share'"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], words: str) -> None:
    refused = run("hostile-app", *arguments)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split()).replace("│ ", "")


def test_a_journal_that_cant_be_written_is_named(tmp_path: Path) -> None:
    refused = run("hostile-app", "--journal", str(tmp_path / "none" / "j.jsonl"))
    assert refused.exit_code == 1
    assert "j.jsonl: No such file" in refused.stderr


def test_the_app_is_served_until_it_is_told_to_end(tmp_path: Path) -> None:
    ready, journal = tmp_path / "ready", tmp_path / "journal.jsonl"
    command = ["hostile-app", "--persona", "ignores-filters", "--port", "0", "--token", "sesame"]
    command += ["--ready-file", str(ready), "--journal", str(journal)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from instep.cli.main import main; main()", *command], stdout=subprocess.PIPE, text=True
    )
    try:
        while not ready.exists():
            assert process.poll() is None, "it ended before it listened"
            time.sleep(0.02)
        url = ready.read_text().strip()
        asked(f"{url}/Users", "POST", {"userName": "ada"})
        assert asked(f"{url}/Users?filter=userName%20eq%20%22bo%22")["totalResults"] == 1
        assert asked(f"{url.removesuffix('/scim/v2')}/truth")["users"][0]["userName"] == "ada"
        taken = run("hostile-app", "--port", url.split(":")[2].partition("/")[0])
        assert (taken.exit_code, "can't listen on port" in taken.stderr) == (1, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert process.stdout is not None
        assert process.stdout.read() == url + "\n"
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(line["method"], line["status"]) for line in lines] == [("POST", 201), ("GET", 200)]
    assert lines[0]["body"] == {"userName": "ada"}
    assert "sesame" not in journal.read_text()


def test_a_broken_export_is_written_from_a_good_one(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    assert run("hostile-source", "-o", str(good), "--users", "10").exit_code == 0
    assert run("hostile-source", "--persona", "half", "--from", str(good), "-o", str(bad)).exit_code == 0
    assert len(good.read_text("utf-8-sig").splitlines()) == 11
    assert len(bad.read_text("utf-8-sig").splitlines()) == 6
    assert set(bad.read_bytes().splitlines()) < set(good.read_bytes().splitlines())


def test_what_cant_be_spoilt_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe")
    out = str(tmp_path / "out")
    for arguments, code, words in (
        (["--from", str(tmp_path / "x.csv")], 1, "x.csv: a good export"),
        (["--from", str(tmp_path / "none.csv")], 1, "none.csv"),
        (["--persona", "nobody"], 2, "there is no persona 'nobody'"),
    ):
        refused = run("hostile-source", "-o", out, *arguments)
        assert (refused.exit_code, words in " ".join(refused.stderr.split()).replace("│ ", "")) == (code, True)
