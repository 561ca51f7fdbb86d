"""`instep org`: from an empty folder to a served organisation, the way a person or a script does it."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serviceprovider.dnszone import Zone, served
from typer.testing import CliRunner, Result

from instep.cli.org import app


class Org:
    """The command line on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str | int, code: int = 0) -> Result:
        environment = {"INSTEP_DATA": str(self.folder), "NO_COLOR": "1", "COLUMNS": "200"}
        result = CliRunner().invoke(app, [str(each) for each in arguments], env=environment)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, *arguments: str | int, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path / "data")


@pytest.fixture
def zone() -> Iterator[Zone]:
    with served() as zone:
        yield zone


def ready(org: Org, zone: Zone) -> str:
    """Makes Acme ready for SCIM, and gives its token."""
    org("create", "Acme", "--owner", "ada@acme.example")
    issuer = "https://idp.acme.example/"
    org("sso", "Acme", "--issuer", issuer, "--sign-in-url", f"{issuer}sso", "--stand-in-certificate")
    zone.records["acme.example"] = [org("claim-domain", "Acme", "acme.example").stdout.strip()]
    org("verify-domain", "Acme", "acme.example", "--nameserver", f"127.0.0.1:{zone.port}")
    return org("token", "Acme").stdout.strip()


def test_from_nothing_to_a_token(org: Org, zone: Zone):
    token = ready(org, zone)
    assert token.startswith("instep_scim_")
    shown = org.json("show", "acme")
    assert (shown["name"], shown["plan"], shown["sso"]["issuer"]) == ("Acme", "enterprise", "https://idp.acme.example/")
    assert shown["domains"][0] | {"txtRecord": ""} == {"domain": "acme.example", "verified": True, "txtRecord": ""}
    assert shown["token"]["endsIn"] == token[-4:]
    assert shown["token"]["lastUsedAt"] is None
    assert token not in org("show", "Acme").output
    assert org.json("list") == [{"id": 1, "name": "Acme", "plan": "enterprise"}]


def test_claiming_prints_the_record_and_verifying_says_what_is_missing(org: Org, zone: Zone):
    org("create", "Acme")
    record = org("claim-domain", "Acme", "acme.example").stdout.strip()
    assert record.startswith("mixpanel-domain-verify=")
    for server in ("--nameserver", f"127.0.0.1:{zone.port}"), ("--nameserver", "127.0.0.1", "--port", zone.port):
        refused = org("verify-domain", "Acme", "acme.example", *server, code=1)
        assert record in refused.stderr
    zone.records["acme.example"] = [record]
    assert org.json("verify-domain", "Acme", "acme.example", *server)["verified"] is True


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "acme"), "already"),
        (("show", "Globex"), "no organisation 'Globex'; there are: 'Acme'"),
        (("token", "Acme"), "single sign-on"),
        (("verify-domain", "Acme", "acme.example"), "claim it first"),
        (("claim-domain", "Acme", "nonsense"), "domain name"),
        (("invite", "Acme", "nonsense"), "e-mail address"),
        (("role", "Acme", "ada@acme.example", "member"), "last active Owner"),
        (("remove", "Acme", "ada@acme.example"), "last active Owner"),
        (("create-team", "Acme", "T", "--member", "x@acme.example"), "no member"),
        (("sign-up", "ada@acme.example"), "has a login"),
        (("sso", "Acme", "--issuer", "x", "--sign-in-url", "y", "--stand-in-certificate"), "URL"),
    ],
)
def test_what_is_refused_exits_1_with_one_line(org: Org, arguments: tuple[str, ...], says: str):
    org("create", "Acme", "--owner", "ada@acme.example")
    refused = org(*arguments, code=1)
    assert says in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "Acme", "--plan", "gold"),
        ("role", "Acme", "ada@acme.example", "king"),
        ("sso", "Acme"),
        ("sso", "Acme", "--issuer", "https://x.example", "--remove"),
        ("verify-domain", "Acme", "acme.example", "--nameserver", "ns.example"),
        ("verify-domain", "Acme", "acme.example", "--nameserver", "127.0.0.1:x"),
        ("serve", "--port", "99999"),
        ("nonsense",),
    ],
)
def test_bad_usage_exits_2(org: Org, arguments: tuple[str, ...]):
    org("create", "Acme")
    org(*arguments, code=2)


def test_every_command_has_help_with_an_example():
    for command in app.registered_commands:
        name = command.name or command.callback.__name__  # type: ignore[union-attr]
        shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        assert f"instep org {name} " in shown.output.replace("$(", ""), name


def test_people_and_teams_by_hand(org: Org):
    org("create", "Acme", "--owner", "ada@acme.example", "--plan", "growth")
    org("plan", "Acme", "enterprise")
    org("invite", "Acme", "guest@elsewhere.example", "--role", "billing-admin", "--name", "Guest")
    org("role", "Acme", "guest@elsewhere.example", "admin")
    org("create-team", "Acme", "Analysts", "--member", "ada@acme.example", "--member", "guest@elsewhere.example")
    members = [(each["email"], each["role"], each["active"], each["teams"]) for each in org.json("members", "Acme")]
    assert members == [("ada@acme.example", "owner", True, 1), ("guest@elsewhere.example", "admin", True, 1)]
    long = f"{'x' * 60}@{'y' * 60}.example"
    org("invite", "Acme", long, "--name", "Ev\x1bil\n" + "n" * 100)
    shown = org("members", "Acme").stdout
    assert long in shown
    assert "Ev\\u001bil\\u000a" + "n" * 100 in shown
    for email in long, "guest@elsewhere.example":
        org("remove", "Acme", email)
    (team,) = org.json("teams", "Acme")
    assert (team["name"], team["members"]) == ("Analysts", ["ada@acme.example"])
    assert "Analysts" in org("teams", "Acme").stdout
    assert "ada@acme.example" in org("members", "Acme").stdout


def test_single_sign_on_takes_a_certificate_file_and_can_be_removed(org: Org, tmp_path: Path):
    from instep.serviceprovider.organisations import stand_in_certificate
    from instep.serviceprovider.text import now

    file = tmp_path / "idp.pem"
    file.write_text(stand_in_certificate("https://idp.acme.example/", now()))
    org("create", "Acme")
    urls = ("--issuer", "https://idp.acme.example/", "--sign-in-url", "https://idp.acme.example/sso")
    org("sso", "Acme", *urls, "--certificate", file)
    assert org.json("show", "Acme")["sso"]
    org("sso", "Acme", "--remove")
    assert org.json("show", "Acme")["sso"] is None
    org("sso", "Acme", *urls, "--certificate", tmp_path / "missing.pem", code=2)
    file.write_text("")
    assert "X.509" in org("sso", "Acme", *urls, "--certificate", file, code=1).stderr


def test_data_that_cannot_be_used_exits_1(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    Org(file)("list", code=1)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "app.sqlite").write_text("not a database, but long enough to be looked at" * 100)
    assert "can't be used" in Org(tmp_path / "data")("list", code=1).stderr


def test_a_server_that_can_be_found_used_counted_and_stopped(org: Org, zone: Zone, tmp_path: Path):
    token = ready(org, zone)
    ready_file = tmp_path / "app.url"
    for number in signal.SIGTERM, signal.SIGINT:
        command = ["serve", "--port", "0", "--data", str(org.folder), "--ready-file", str(ready_file)]
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from instep.cli.org import app; app(sys.argv[1:])", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        base_url = process.stdout.readline().strip()
        assert ready_file.read_text().strip() == base_url
        assert base_url.endswith("/api/app/scim/v2")
        request = urllib.request.Request(f"{base_url}/Users", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["totalResults"] == 1
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        assert (process.returncode, said) == (0, "")
    counted = org.json("requests", "Acme")
    assert counted["total"] == 2
    assert [(each["method"], each["route"], each["status"], each["times"]) for each in counted["requests"]] == [
        ("GET", "/Users", 200, 2)
    ]
    assert org.json("show", "Acme")["token"]["lastUsedAt"]
    assert "2 requests" in org("requests", "Acme", "--reset").stdout
    assert org.json("requests", "Acme")["total"] == 0


def test_an_address_in_use_exits_1(org: Org):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in org("serve", "--port", taken.getsockname()[1], code=1).stderr
