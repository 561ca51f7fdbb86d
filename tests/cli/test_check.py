"""`instep check`: what it prints, writes and ends with."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.acceptance.servers import OurApp, our_app
from tests.checking.faulty_app import Answer, Call, Forward, faulty
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

DOMAIN = "instep-check.example"
FEW = ("--only", "lookup.user-name,create.user,paging.total,groups.create")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OurApp]:
    with our_app(tmp_path_factory.mktemp("app"), domain=DOMAIN) as app:
        yield app


@pytest.fixture(autouse=True)
def token(ours: OurApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIM_TOKEN", ours.token)


def test_a_sound_endpoint_ends_with_0_and_a_grade(line: CommandLine, ours: OurApp) -> None:
    result = line.run("check", ours.url, "--token-env", "SCIM_TOKEN", *FEW)
    assert result.exit_code == 0, result.output
    assert "Grade A" in result.stdout
    assert "Everything that was made is removed." in result.stdout
    assert "a first cycle of 1,000 users, 50 groups and 5,000 memberships" in result.stdout
    assert not line.data.exists(), "a check needs no data of its own"


def test_a_failed_must_ends_with_1_and_shows_the_exchange(line: CommandLine, server: IndependentApp) -> None:
    result = line.run("check", server.url, "--token-env", "SCIM_TOKEN", "--only", "auth")
    assert result.exit_code == 1
    assert "failed (must) Nobody gets in without a token" in result.stdout
    assert "> GET /Users?startIndex=1&count=1" in result.stdout
    assert "RFC 6750 section 3.1" in result.stdout
    assert "Grade D" in result.stdout


def test_an_endpoint_that_is_not_there_ends_with_3(line: CommandLine) -> None:
    result = line.run("check", "http://127.0.0.1:9/scim", "--token-env", "SCIM_TOKEN")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: http://127.0.0.1:9/scim can't be reached")


def test_a_wrong_token_ends_with_3(line: CommandLine, ours: OurApp) -> None:
    result = line.run("check", ours.url, "--token", "-", stdin="wrong")
    assert result.exit_code == 3
    assert "refuses the token" in result.stderr


def test_json_and_junit_say_the_same(line: CommandLine, ours: OurApp, tmp_path: Path) -> None:
    file = tmp_path / "check.xml"
    told = line.json("check", ours.url, "--token-env", "SCIM_TOKEN", "--junit", str(file), *FEW)
    assert told["grade"] == "A"
    assert told["counts"]["passed"] == 4
    assert {each["id"] for each in told["findings"]} == set(FEW[1].split(","))
    assert told["findings"][0]["exchanges"][0]["method"] == "POST"
    assert told["leftovers"] == []
    cases = list(ElementTree.parse(file).getroot().iter("testcase"))
    assert [case.get("classname") for case in cases] == [each["id"] for each in told["findings"]]


def test_a_domain_that_the_app_does_not_take_is_said_to_be_one(line: CommandLine, ours: OurApp) -> None:
    words = ["check", ours.url, "--token-env", "SCIM_TOKEN", "--domain", "other.example", "--only", "create.user"]
    result = line.run(*words)
    assert result.exit_code == 1
    assert "name one by --domain" in result.stdout


def test_checks_are_listed_without_an_endpoint(line: CommandLine) -> None:
    result = line.run("check", "--list", "--only", "patch")
    assert result.exit_code == 0
    assert "patch.replace" in result.stdout
    assert "create.user" not in result.stdout
    listed = json.loads(line.run("check", "--list", "--json").stdout)
    assert len(listed) > 100
    assert listed[0]["id"] == "transport.https"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which endpoint?"),
        (("http://app.example.com/scim",), "the token would travel unencrypted"),
        (("https://app.example.com/scim", "--only", "pages"), "there's no check 'pages'"),
        (("https://app.example.com/scim", "--domain", "me@here"), "is no domain"),
        (("https://app.example.com/scim", "--token", "secret"), "a token as an argument can be seen"),
        (("http://localhost/scim", "--token-env", "SCIM_TOKEN", "--junit", "/no/such/x.xml"), "there's no folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: CommandLine, words: tuple[str, ...], said: str) -> None:
    result = line.run("check", *words)
    assert result.exit_code == 2
    assert said in result.stderr


async def test_ctrl_c_tidies_up_and_tells_what_was_seen(tmp_path: Path) -> None:
    begun = asyncio.Event()
    words = ["check", "--token-env", "SCIM_TOKEN"]
    command = [sys.executable, "-c", "from instep.cli.main import main; main()", *words]

    async def counts(call: Call, forward: Forward) -> Answer:
        if call.method == "PATCH":
            begun.set()
            await asyncio.sleep(0.05)
        return await forward(call)

    async with faulty(tmp_path, counts) as app:
        environment = os.environ | {"SCIM_TOKEN": app.token}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, app.url, env=environment, stdout=pipe, stderr=pipe)
        await asyncio.wait_for(begun.wait(), 30)
        process.send_signal(signal.SIGINT)
        output, errors = (part.decode() for part in await asyncio.wait_for(process.communicate(), 30))
        left = [await app.client.find(path, "id pr") for path in ("/Users", "/Groups")]
    assert process.returncode == 130, errors
    assert "Not finished: it was stopped" in output
    assert "Everything that was made is removed." in output
    assert left == [[], []]
