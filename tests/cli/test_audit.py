"""`instep audit`, `drift` and `unmanaged`: what others changed in an app, told to people, scripts and spreadsheets."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

from instep import wiring
from instep.core.drift import lease_name


@pytest.fixture(autouse=True)
def no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app shows at once what was written, so nobody has to be left out for a minute."""
    monkeypatch.setenv("INSTEP_READ_LAG_SECONDS", "0.001")


def by_hand(server: IndependentApp, name: str, **values: Any) -> None:
    """Somebody changes an account in the app itself."""
    with httpx2.Client(base_url=server.url, headers={"Authorization": "Bearer any"}) as http:
        found = http.get("/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"][0]
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        assert http.patch(f"/Users/{found['id']}", json=body).status_code in (200, 204)


def test_audit_shows_what_others_changed_and_the_next_cycle_sets_it_right(
    scim: CommandLine, server: IndependentApp
) -> None:
    scim.hire("audited", 3, jobTitle="Engineer")
    scim.run("app", "set", "scim", "--audit", "repair", "--audit-hours", "6")
    scim.run("sync", "scim")
    by_hand(server, "audited00@contoso.example", title="Emperor")
    result = scim.run("audit", "scim")
    assert result.exit_code == 0, result.stderr
    assert "audited00@contoso.example" in result.stdout
    assert "→ Emperor" in result.stdout
    assert "The next cycle sets 1 right" in result.stdout
    assert scim.json("sync", "scim")["counts"]["update"] == 1
    again = scim.json("audit", "scim")
    assert again["result"] == "succeeded"
    assert again["policy"] == "repair"
    assert [(d["path"], d["found"], d["state"]) for d in again["drift"]] == [("title", "Emperor", "repaired")]
    assert scim.json("sync", "scim")["requests"] == 0
    assert scim.json("drift", "scim") == again["drift"]
    assert scim.json("status", "scim")["audit"]["result"] == "succeeded"
    assert "Last audit: " in scim.run("status", "scim").stdout
    assert "repaired" in scim.run("drift", "scim").stdout


def test_accounts_that_nobody_manages_are_listed_for_people_and_spreadsheets(
    scim: CommandLine, server: IndependentApp
) -> None:
    keys = scim.hire("managed", 2)
    scim.company(add={"users": {"left": {"userPrincipalName": "=left@contoso.example"}}, "assigned": []})
    scim.run("sync", "scim")
    core = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    with httpx2.Client(base_url=server.url, headers={"Authorization": "Bearer any"}) as http:
        assert http.post("/Users", json={"schemas": core, "userName": "=left@contoso.example"}).status_code == 201
    assert scim.run("audit", "scim").exit_code == 0
    listed = {a["account"]: a for a in scim.json("unmanaged", "scim")}
    assert listed["=left@contoso.example"]["reason"] == "unassigned"
    assert listed["=left@contoso.example"]["person"] == "=left@contoso.example"
    assert not any(f"{key}@contoso.example" in listed for key in keys)
    assert "not assigned to the app (=left@contoso.example)" in scim.run("unmanaged", "scim").stdout
    rows = list(csv.DictReader(io.StringIO(scim.run("unmanaged", "scim", "--csv").stdout)))
    assert "'=left@contoso.example" in {row["account"] for row in rows}


def test_before_the_first_audit_it_is_said_how_to_make_one(scim: CommandLine) -> None:
    for command in ("drift", "unmanaged"):
        result = scim.run(command, "scim")
        assert result.exit_code == 2
        assert "`instep audit scim` does it now" in result.stderr


def test_app_out_of_reach_ends_with_3_and_a_running_audit_with_5(line: CommandLine) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9", "--token-env", "APP_TOKEN")
    result = line.run("audit", "scim")
    assert result.exit_code == 3
    assert "unavailable" in result.stdout
    state = wiring.state(line.settings)
    with state.writing() as writer:
        writer.take_lease(lease_name("scim"), "another-host/boot/1/1", datetime.now(UTC), 60)
    state.close()
    result = line.run("audit", "scim")
    assert result.exit_code == 5
    assert "another-host" in result.stderr
