"""`instep app`: adding, changing, showing, testing and removing apps."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

from instep import wiring
from instep.cli.token import end_of
from instep.core.app import App, Audit, Credentials, Notifications, QuarantineLimits
from instep.targets.gallery import template

TOKEN = "s3cr3t-t0ken"


def test_app_of_the_gallery_is_added_with_what_its_template_says(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    result = line.run("app", "add", "mixpanel", "--token-file", str(tmp_path / "token"))
    assert result.exit_code == 0
    assert "instep app test mixpanel" in result.stdout
    assert "instep assign mixpanel" in result.stdout
    [app] = line.json("app", "list")
    assert (app["name"], app["tenantUrl"]) == ("mixpanel", "https://mixpanel.com/api/app/scim/v2")
    assert [role["displayName"] for role in app["roles"]] == ["User", "msiam_access"]


def test_token_is_kept_encrypted_and_never_shown(scim: CommandLine) -> None:
    said = [scim.run("app", *words).output for words in (["list"], ["show", "scim"], ["show", "scim", "--json"])]
    assert not any(TOKEN in text for text in said)
    assert not any(TOKEN.encode() in path.read_bytes() for path in scim.data.iterdir())
    state = wiring.state(scim.settings)
    with state.reading() as reader:
        assert reader.token("scim") == TOKEN
    state.close()


def test_token_is_read_from_standard_input(line: CommandLine) -> None:
    result = line.run("app", "add", "mixpanel", "--token", "-", stdin="from-a-pipe\n")
    assert result.exit_code == 0
    state = wiring.state(line.settings)
    with state.reading() as reader:
        assert reader.token("mixpanel") == "from-a-pipe"
    state.close()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["mixpannel"], "", "mixpanel, n"),
        (["scim", "--token-env", "APP_TOKEN"], "", "give yours by --url"),
        (["scim", "--url", "http://app.example/scim", "--token-env", "APP_TOKEN"], "", "use https"),
        (["scim", "--url", "https://app.example:443x/scim", "--token-env", "APP_TOKEN"], "", "isn't a URL"),
        (["mixpanel", "--token", TOKEN], "", "can be seen by others"),
        (["mixpanel", "--token-env", "NOT_SET"], "", "no token in the environment variable NOT_SET"),
        (["mixpanel", "--token", "-"], "\n", "no token in standard input"),
        (["mixpanel", "--token", "-"], "two words", "can't be a token"),
        (["mixpanel", "--token-file", "/no/such/file"], "", "/no/such/file"),
        (["mixpanel", "--token-env", "APP_TOKEN", "--token", "-"], "x", "in one way"),
        (["mixpanel", "--name", "../up", "--token-env", "APP_TOKEN"], "", "can't be a name"),
    ],
)
def test_app_that_cannot_be_added_is_refused_in_one_line(
    line: CommandLine, arguments: list[str], stdin: str, said: str
) -> None:
    result = line.run("app", "add", *arguments, stdin=stdin)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert line.json("app", "list") == []


def test_name_is_given_once(scim: CommandLine, server: IndependentApp) -> None:
    again = ["app", "add", "scim", "--url", server.url, "--token-env", "APP_TOKEN"]
    refused = scim.run(*again)
    assert refused.exit_code == 2
    assert "--name" in refused.stderr
    assert scim.run(*again, "--name", "scim-2").exit_code == 0
    assert [app["name"] for app in scim.json("app", "list")] == ["scim", "scim-2"]


def test_rules_are_given_when_adding_and_changed_later(line: CommandLine) -> None:
    options = ["--scope", "all", "--nested-scope", "direct", "--include-default-access"]
    assert line.run("app", "add", "mixpanel", "--token-env", "APP_TOKEN", *options).exit_code == 0
    rules = line.json("app", "show", "mixpanel")["rules"]
    assert (rules["scope"], rules["default_access"]) == ("all", True)
    assert rules["nesting"] == {"scope": "direct", "members": "flattened"}
    changed = line.run("app", "set", "mixpanel", "--scope", "assigned", "--nested-members", "direct")
    assert "looks at everyone again" in changed.stdout
    words = line.run("app", "show", "mixpanel").stdout
    assert "Only the direct members of an assigned group are in scope" in words
    assert "its direct members, people and groups" in words
    assert "Default Access entitles" in words


def test_rules_of_mixpanel_are_told_in_words(line: CommandLine) -> None:
    line.run("app", "add", "mixpanel", "--token-env", "APP_TOKEN")
    words = line.run("app", "show", "mixpanel").stdout
    assert "Default Access doesn't entitle to an account." in words
    assert "Access ends by disabling the account (active=false)." in words
    assert "[userPrincipalName]  (matching 1, required)" in words


def test_scoping_filters_are_told_in_words(scim: CommandLine) -> None:
    clauses = [{"attribute": "department", "operator": "EQUALS", "value": "Sales"}]
    clauses.append({"attribute": "mail", "operator": "IS NOT NULL"})
    filters = [{"name": "Sales", "clauses": clauses}]
    scim.rules("scim", lambda rules: rules | {"users": rules["users"] | {"filters": filters}})
    words = scim.run("app", "show", "scim").stdout
    assert "People must pass a scoping filter: Sales (department EQUALS Sales and mail IS NOT NULL)." in words


def test_setting_nothing_is_bad_usage(scim: CommandLine) -> None:
    assert scim.run("app", "set", "scim").exit_code == 2
    assert scim.run("app", "set", "scim", "--scope", "assigned").exit_code == 2


def test_another_host_does_not_get_the_token_of_the_old_one(scim: CommandLine) -> None:
    refused = scim.run("app", "set", "scim", "--url", "https://elsewhere.example/scim")
    assert refused.exit_code == 2
    assert "elsewhere.example" in refused.stderr
    allowed = scim.run("app", "set", "scim", "--url", "https://elsewhere.example/scim", "--token-env", "APP_TOKEN")
    assert allowed.exit_code == 0


def test_connection_that_works_says_what_was_asked(scim: CommandLine) -> None:
    result = scim.run("app", "test", "scim")
    assert result.exit_code == 0
    assert "a user by userName and a group by displayName that nobody has" in result.stdout


def test_app_out_of_reach_fails_its_test_with_exit_code_3(line: CommandLine) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    result = line.run("app", "test", "scim")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_app_that_is_not_there_is_named_with_those_that_are(scim: CommandLine) -> None:
    for words in (["app", "show"], ["app", "test"], ["app", "remove"], ["plan"], ["sync"], ["log"], ["status"]):
        result = scim.run(*words, "nosuch")
        assert result.exit_code == 2
        assert "no app 'nosuch'; there are: scim" in result.stderr


def test_folder_without_data_is_named_and_not_made(line: CommandLine) -> None:
    result = line.run("plan", "scim")
    assert result.exit_code == 2
    assert str(line.data) in result.stderr
    assert not line.data.exists()


def test_removed_app_takes_its_assignments_along_and_leaves_accounts_alone(
    scim: CommandLine, server: IndependentApp
) -> None:
    scim.hire("removed", 1)
    assert scim.run("sync", "scim").exit_code == 0
    before = server.requests()
    unsure = scim.run("app", "remove", "scim")
    assert (unsure.exit_code, "--yes" in unsure.stderr) == (2, True)
    assert scim.run("app", "remove", "scim", "--yes").exit_code == 0
    assert server.requests() == before
    assert scim.json("app", "list") == []
    directory = wiring.directory(scim.settings)
    with directory.browse() as browser:
        assert browser.assignments(app="scim") == []
    directory.close()


def test_data_folder_that_cannot_be_made_is_named(line: CommandLine) -> None:
    line.data.write_text("a file is in the way")
    result = line.run("app", "list")
    assert result.exit_code == 2
    assert str(line.data) in result.stderr
    assert result.stderr.count("\n") == 1


# ---------------------------------------------------------------------------------- credentials and settings

OAUTH = ["--oauth-token-url", "https://login.example/token", "--client-id", "instep", "--oauth-scope", "scim"]


def jwt(**claims: object) -> str:
    """A token as apps make them, unsigned."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims))
    return ".".join((*parts, "signature"))


def kept(line: CommandLine, app: str) -> App:
    state = wiring.state(line.settings)
    with state.reading() as reader:
        found = reader.app(app)
    state.close()
    assert found is not None
    return found


def test_client_credentials_are_kept_and_shown_without_their_secret(line: CommandLine) -> None:
    url = ["--url", "https://app.example/scim"]
    assert line.run("app", "add", "scim", *url, *OAUTH, "--token-env", "APP_TOKEN").exit_code == 0
    known = Credentials("client_credentials", "https://login.example/token", "instep", "scim")
    assert kept(line, "scim").credentials == known
    shown = line.run("app", "show", "scim").output
    assert "OAuth 2.0 client credentials: instep at https://login.example/token, scope scim" in shown
    assert TOKEN not in shown
    assert line.json("app", "show", "scim")["credentials"]["clientId"] == "instep"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--oauth-token-url", "https://login.example/token"], "need both"),
        (["--client-id", "instep"], "need both"),
        ([*OAUTH[2:], "--oauth-token-url", "http://login.example/token"], "unencrypted"),
        (["--token-expires", "soon"], "'soon' is no date"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_in_one_line(
    line: CommandLine, options: list[str], said: str
) -> None:
    result = line.run("app", "add", "mixpanel", "--token-env", "APP_TOKEN", *options)
    assert (result.exit_code, said in result.stderr, result.stderr.count("\n")) == (2, True, 1)


def test_secret_of_one_kind_or_host_is_not_used_for_another(scim: CommandLine) -> None:
    refused = scim.run("app", "set", "scim", *OAUTH)
    assert (refused.exit_code, "is a bearer token; give a client's secret" in refused.stderr) == (2, True)
    assert scim.run("app", "set", "scim", *OAUTH, "--token-env", "APP_TOKEN").exit_code == 0
    moved = scim.run("app", "set", "scim", "--oauth-token-url", "https://evil.example/token")
    assert (moved.exit_code, "login.example; give evil.example's" in moved.stderr) == (2, True)
    assert scim.run("app", "set", "scim", "--oauth-scope", "other").exit_code == 0
    assert kept(scim, "scim").credentials.scope == "other"
    back = scim.run("app", "set", "scim", "--bearer")
    assert (back.exit_code, "is a client's secret; give a bearer token" in back.stderr) == (2, True)
    assert scim.run("app", "set", "scim", "--bearer", "--token-env", "APP_TOKEN").exit_code == 0
    assert kept(scim, "scim").credentials == Credentials()


def test_end_of_a_token_is_read_from_the_token_unless_it_is_said(line: CommandLine) -> None:
    ends = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    token = jwt(exp=ends.timestamp())
    added = line.run("app", "add", "mixpanel", "--token", "-", stdin=token)
    assert "ends on 2031-05-06" in added.stdout
    assert kept(line, "mixpanel").credentials.expires == ends
    line.run("app", "set", "mixpanel", "--token-expires", "2030-01-31")
    assert kept(line, "mixpanel").credentials.expires == datetime(2030, 1, 31, tzinfo=UTC)
    line.run("app", "set", "mixpanel", "--scope", "all")
    assert kept(line, "mixpanel").credentials.expires == datetime(2030, 1, 31, tzinfo=UTC)
    line.run("app", "set", "mixpanel", "--token-env", "APP_TOKEN")
    assert kept(line, "mixpanel").credentials.expires is None


def test_token_that_the_gallery_knows_to_end_is_given_its_end(line: CommandLine) -> None:
    url = ["--url", "https://contoso.snowflakecomputing.com/scim/v2"]
    added = line.run("app", "add", "snowflake", *url, "--token-env", "APP_TOKEN")
    assert added.exit_code == 0, added.stderr
    ends = kept(line, "snowflake").credentials.expires
    assert ends is not None
    days = template("snowflake").token_days
    assert timedelta(days=days - 1) < ends - datetime.now(UTC) <= timedelta(days=days)
    assert f"{ends:%Y-%m-%d}" in added.stdout


@pytest.mark.parametrize("token", ["a.b.c", "..", jwt(), jwt(exp="soon"), jwt(exp=1e300), jwt(exp=None), "x.W10.y"])
def test_token_that_does_not_say_its_end_has_none(token: str) -> None:
    assert end_of(token) is None


def test_schedule_mails_audit_and_limits_are_set_and_shown(scim: CommandLine) -> None:
    mails = ["--notify", "it@contoso.example", "--notify", "cio@contoso.example", "--notify-on-failure"]
    audit = ["--audit", "repair", "--audit-hours", "12"]
    limits = ["--quarantine-failures", "3", "--quarantine-share", "0", "--interval", "5"]
    assert scim.run("app", "set", "scim", *mails, *audit, *limits).exit_code == 0
    app = kept(scim, "scim")
    assert app.notifications == Notifications(("it@contoso.example", "cio@contoso.example"), True)
    assert (app.audit, app.quarantine, app.interval_minutes) == (Audit("repair", 12), QuarantineLimits(3, 0.0), 5)
    shown = scim.run("app", "show", "scim").stdout
    assert "runs every 5 min; it is audited every 12 h, and what others changed is set right" in shown
    assert "it@contoso.example, cio@contoso.example, also of failures" in shown
    assert scim.run("app", "set", "scim", "--notify", "none", "--no-notify-on-failure").exit_code == 0
    assert kept(scim, "scim").notifications == Notifications()
    assert "no mail address" in scim.run("app", "set", "scim", "--notify", "it").stderr


@pytest.fixture
def token_server() -> Iterator[str]:
    """The URL of a token endpoint that gives `s3cr3t-t0ken-2` to whoever asks, on a thread of its own."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"access_token": "s3cr3t-t0ken-2", "token_type": "Bearer", "expires_in": 3600}'
            self.send_response(200 if self.headers["Authorization"].startswith("Basic ") else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


def test_connection_with_client_credentials_is_tested(scim: CommandLine, token_server: str) -> None:
    options = ["--oauth-token-url", token_server, "--client-id", "instep", "--token-env", "APP_TOKEN"]
    assert scim.run("app", "set", "scim", *options).exit_code == 0
    result = scim.run("app", "test", "scim")
    assert result.exit_code == 0, result.stderr
    assert "scim works" in result.stdout


def test_token_endpoint_out_of_reach_fails_the_test_in_words(scim: CommandLine) -> None:
    options = ["--oauth-token-url", "http://127.0.0.1:9/token", "--client-id", "instep", "--token-env", "APP_TOKEN"]
    assert scim.run("app", "set", "scim", *options).exit_code == 0
    result = scim.run("app", "test", "scim")
    assert (result.exit_code, "http://127.0.0.1:9/token" in result.stderr, TOKEN in result.output) == (3, True, False)
