"""The play in which canaries are planted: act by act, every command of Instep is run against good apps and bad ones.

`test_canaries` says what is looked for afterwards, and where it belongs.
"""

import base64
import json
import os
import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec
from tests.security.bad_apps import BadApps
from tests.security.canaries import made
from tests.security.stage import Stage, until
from tests.serviceprovider.dnszone import served as dns_served

from instep import wiring
from instep.settings import Settings

EVERYTHING = bool(os.environ.get("INSTEP_CANARY_EVERYTHING"))
SEED = int(os.environ.get("INSTEP_CANARY_SEED", "20261126"))
PEOPLE = ("ann", "bob", "cem")
REDACTING = (
    {"target": "externalId", "source": "Redact([employeeId])", "matching": 2},
    {"target": "nickName", "source": 'Append(Redact([extensionAttribute1]), "-x")'},
    {"target": "profileUrl", "source": 'Append("https://p.example/", Redact([employeeId]))'},
    {"target": "locale", "source": "Redact(CDate([extensionAttribute2]))"},
)
CRASH = """
import instep.targets.http as http
async def fall(self, *given, **more):
    authorization = await self._credentials.authorization()
    raise RuntimeError("a fault of ours")
http.Connection.send = fall
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass
class Play:
    """The acts."""

    stage: Stage
    bad: BadApps
    mail_port: int
    secrets: dict[str, str | bytes]
    personal: dict[str, str]
    turns: int = 0

    @property
    def whole(self) -> tuple[str, ...]:
        """The apps that everything is asked of; of the others only what an app can answer to."""
        return tuple(self.names) if EVERYTHING else ("good", "hostile", "repeats", "oauth")

    def file(self, name: str, content: str | bytes) -> str:
        """A file of the administrator's."""
        path = self.stage.given / name.replace(" ", "-")
        path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
        return str(path)

    # ------------------------------------------------------------------------------------ the acts

    def app_side(self, open_parts: ExitStack) -> None:
        """Our test app, by its own commands; and the hostile one, in processes of their own."""
        run, data = self.stage.run, ("--data", str(self.stage.outside))
        run("org", "create", "Acme", "--owner", "owner@acme.example", *data, code=0)
        run("org", "list", *data, code=0)
        run("org", "plan", "Acme", "growth", *data, code=0)
        run("org", "token", "Acme", *data, code=1)
        run("org", "plan", "Acme", "enterprise", *data, code=0)
        issuer = "https://idp.acme.example/"
        run(
            "org",
            "sso",
            "Acme",
            "--issuer",
            issuer,
            "--sign-in-url",
            f"{issuer}in",
            "--stand-in-certificate",
            *data,
            code=0,
        )
        with dns_served() as zone:
            zone.records["acme.example"] = [run("org", "claim-domain", "Acme", "acme.example", *data, code=0).strip()]
            server = f"127.0.0.1:{zone.port}"
            run("org", "verify-domain", "Acme", "acme.example", "--nameserver", server, *data, code=0)
        self.secrets["the test app's token"] = token = run("org", "token", "Acme", *data, code=0).strip()
        self.file("scim token", token)
        run("org", "invite", "Acme", "old@acme.example", "--name", "Old", *data, code=0)
        run("org", "role", "Acme", "old@acme.example", "admin", *data, code=0)
        run("org", "sign-up", "new@acme.example", *data, code=0)
        run("org", "create-team", "Acme", "Hand", "--member", "old@acme.example", *data, code=0)
        run("org", "remove", "Acme", "old@acme.example", *data, code=0)
        ready = self.stage.outside / "url"
        open_parts.enter_context(self.stage.running("org", "serve", "--port", "0", "--ready-file", str(ready), *data))
        hostile = self.stage.outside / "hostile-url"
        open_parts.enter_context(
            self.stage.running(
                *("hostile-app", "--port", "0", "--persona", "repeats-requests", "--share", "0.6"),
                *("--token", str(self.secrets["bearer token"]), "--ready-file", str(hostile)),
                *("--journal", str(self.stage.outside / "journal.jsonl")),
            )
        )
        until(lambda: ready.exists() and hostile.exists())
        self.url, self.hostile = ready.read_text().strip(), hostile.read_text().strip()

    def directory(self) -> None:
        """People whose attributes are planted."""
        run = self.stage.run
        for who in PEOPLE:
            known = (
                f"employeeId={self.personal[f'id of {who}']}",
                f"extensionAttribute1={self.personal[f'nick of {who}']}",
            )
            run(
                "directory",
                "add",
                f"{who}@acme.example",
                f"displayName={who.title()}",
                f"mail={who}@acme.example",
                *known,
                code=0,
            )
        failing = f"extensionAttribute2={self.personal['id of cem']}"  # no date: its mapping fails, and says of what
        run("directory", "set", "cem@acme.example", failing, code=0)
        exported = str(self.stage.made / "people.jsonl")
        run(
            "hostile-source",
            "-o",
            str(self.stage.made / "broken.csv"),
            "--users",
            "20",
            "--persona",
            "truncated",
            code=0,
        )
        run("directory", "import", str(self.stage.made / "broken.csv"))
        run("directory", "export", "-o", exported, code=0)
        run("directory", "import", exported, code=0)
        run(
            "directory",
            "generate",
            "--users",
            "3",
            "--groups",
            "1",
            "--memberships",
            "2",
            "--domain",
            "acme.example",
            code=0,
        )
        run("directory", "list", "--json", code=0)
        run("directory", "show", "ann@acme.example", code=0)
        run("directory", "set", "ann@acme.example", "jobTitle=Boss", code=0)
        run("directory", "disable", "cem@acme.example", code=0)
        run("directory", "enable", "cem@acme.example", code=0)
        run("group", "add", "Lab", code=0)
        run("group", "add", "Gone", code=0)
        run("group", "add-member", "Lab", "ann@acme.example", "bob@acme.example", code=0)
        run("group", "remove-member", "Lab", "bob@acme.example", code=0)
        run("group", "rename", "Lab", "Laboratory", code=0)
        run("group", "show", "Laboratory", code=0)
        run("group", "list", code=0)
        run("group", "delete", "Gone", code=0)
        run("group", "restore", "Gone", code=0)

    def apps(self) -> None:
        """An app for each way in which something can go wrong, all with rules that redact."""
        run, secrets = self.stage.run, self.secrets
        # Long enough for the slowest, and the key is made by the first of them.
        self.stage.settings |= {
            "INSTEP_REQUEST_SECONDS": "2",
            "INSTEP_LOG_LEVEL": "debug",
            "INSTEP_LISTEN": "127.0.0.1:0",
        }
        run("gallery", "list", code=0)
        run("gallery", "show", "mixpanel", code=0)
        bearer = self.file("bearer token", secrets["bearer token"])
        wrong = self.file("wrong token", secrets["wrong token"])
        right = str(self.stage.given / "scim-token")
        client = self.file("client secret", secrets["client secret"])
        with_oauth = ("--oauth-token-url", f"{self.bad.base}/token", "--client-id", "instep")
        self.names = {
            "good": (self.url, "--token-file", right),
            "wrong": (self.url, "--token-file", wrong),
            "hostile": (self.hostile, "--token-file", bearer),
            "repeats": (f"{self.bad.base}/repeats", "--token-file", bearer),
            "broken": (f"{self.bad.base}/broken", "--token-file", bearer),
            "tls": (f"{self.bad.tls}/scim", "--token-file", bearer),
            "refused": ("http://127.0.0.1:9/scim", "--token-file", bearer),
            "oauth": (f"{self.bad.base}/oauth", "--token-file", client, *with_oauth),
            "nobody": (f"{self.bad.base}/oauth", "--token-file", wrong, *with_oauth),
        }
        for name, (url, *how) in self.names.items():
            run("app", "add", "scim", "--name", name, "--url", url, *how, "--scope", "all", code=0)
            self.redacting(name)
            run("app", "set", name, "--notify", "it@firm.example", "--notify-on-failure", "--audit", "repair", code=0)
            run("app", "show", name, "--json", code=0)
        self.secrets["the key"] = base64.b64decode((self.stage.data / "secrets.key").read_bytes())
        for words in (
            ("app", "add", "scim", "--name", "x", "--url", self.url),
            ("app", "set", "good"),
            ("check", self.url),
        ):
            run(*words, "--token", str(secrets["bearer token"]), code=2)  # an argument is refused, and not repeated
        run("app", "set", "repeats", "--token", "-", stdin=f"{secrets['bearer token']}\n", code=0)
        run("app", "set", "broken", "--url", f"https://ann:{secrets['password']}@[::1/", code=2)
        run("app", "set", "broken", "--url", f"https://ann:{secrets['password']}@app.example/", code=2)
        run("app", "list", code=0)
        run("assign", "good", "--group", "Laboratory", code=0)
        run("assign", "good", "--user", "bob@acme.example", code=0)
        run("unassign", "good", "--user", "bob@acme.example", code=0)
        run("assignments", "good", "--json", code=0)

    def redacting(self, name: str) -> None:
        """Rules by which attributes are redacted, one of them for matching; and the documents' own commands."""
        run, path = self.stage.run, self.stage.made / f"{name}.yaml"
        state = wiring.state(Settings(data=self.stage.data))
        with state.writing() as writer:
            known = writer.app(name)
            assert known is not None
            users = known.rules["users"]
            others = [each for each in users["mappings"] if "employeeId" not in each["source"]]
            others = [each for each in others if each["target"] != "externalId"]
            rules = {**known.rules, "users": {**users, "mappings": [*others, *REDACTING]}}
            writer.save_app(msgspec.structs.replace(known, rules=rules), None)
        state.close()
        run("export", name, "-o", str(path), code=0)
        path.write_text(path.read_text().replace("'[jobTitle]'", "'Trim([jobTitle])'"))
        run("diff", "-f", str(path))
        run("apply", "-f", str(path), "--yes")

    def cycles(self) -> None:
        """Whatever can be asked of an app, of each of them."""
        run = self.stage.run
        tests = self.stage.made / "tests.yaml"
        tests.write_text(
            "app: good\ntests:\n- {person: ann@acme.example, targets: {externalId: x, nickName: y}, expressions: "
            "{'Redact([employeeId])': z, 'CDate(Redact([employeeId]))': {fails: something else}}}\n"
        )
        run("rules", "test", str(tests), code=1)
        run("rules", "test", str(tests), "--json", code=1)
        for expression in ("Redact([employeeId])", "CDate(Redact([employeeId]))", 'Left(Redact([employeeId]), "x")'):
            run("rules", "eval", expression, "--user", "ann@acme.example", "--app", "good", "--json")
        for name in self.names:
            run("app", "test", name)
            run("sync", name, *self.form(name))
            if name in self.whole:
                run("plan", name, "--all", *self.form(name))
                run("provision", name, "ann@acme.example", "--preview", *self.form(name))
                run("provision", name, "bob@acme.example")
        self.others_write()
        run("directory", "set", "bob@acme.example", f"employeeId={self.personal['id of cem']}", code=0)
        run("directory", "delete", "cem@acme.example", code=0)
        run("directory", "list", "--deleted", code=0)
        for name in self.names:
            run("sync", name)
            run("status", name, *self.form(name))
            if name not in self.whole:
                continue
            for word in ("audit", "drift", "unmanaged"):
                run(word, name, *self.form(name))
            run("explain", name, "bob@acme.example")
            run("explain", name, "ann@acme.example", "--json")
            run("approve", name, "--yes")
            run("reject", name, "--yes")
            run("log", "show", name, "--json")
            run(
                "log",
                "show",
                name,
                *(("--steps",) if self.form(name) else ("--csv", str(self.stage.made / f"log {name}"))),
            )
            run("report", name, "--since", "1d", *self.form(name))
        run("log", "show", "good", "--person", "bob@acme.example", code=0)
        run("directory", "restore", "cem@acme.example", code=0)
        for url, token in (
            (self.url, "scim-token"),
            (self.url, "wrong-token"),
            (self.hostile, "bearer-token"),
            (f"{self.bad.base}/x", "bearer-token"),
        ):
            self.checked(url, "--token-file", str(self.stage.given / token))
        self.checked(f"{self.bad.base}/oauth", *self.names["oauth"][1:])
        self.checked(f"{self.bad.base}/oauth", *self.names["nobody"][1:])

    def form(self, name: str) -> tuple[str, ...]:
        """One app in words, the next in JSON: the next round it's the other way, since the names are odd in number."""
        self.turns += 1
        return ("--json",) if self.turns % 2 else ()

    def checked(self, url: str, *how: str) -> None:
        """An endpoint, by `instep check`."""
        few = (
            "--only",
            "auth,discovery,lookup.nobody,lookup.bad-filter,create.user,create.duplicate",
            "--domain",
            "acme.example",
        )
        self.stage.run(
            "check", url, *how, *few, "--junit", str(self.stage.made / f"junit{self.turns}.xml"), *self.form(url)
        )

    def others_write(self) -> None:
        """Somebody changes in the app what is redacted."""
        token = (self.stage.given / "scim-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        asked = urllib.request.Request(
            f"{self.url}/Users?filter=userName%20eq%20%22bob@acme.example%22", headers=headers
        )
        with urllib.request.urlopen(asked) as answer:
            [found] = json.load(answer)["Resources"]
        assert found["externalId"] == self.personal["id of bob"], "the app gets what is redacted"
        operation = {"op": "replace", "path": "nickName", "value": self.personal["what others wrote"]}
        body = json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/Users/{found['id']}", body.encode(), headers, method="PATCH")
        ) as answer:
            assert answer.status in (200, 204)

    def mail_settings(self, password: str) -> None:
        self.stage.settings |= {
            "INSTEP_SMTP_HOST": "127.0.0.1",
            "INSTEP_SMTP_PORT": str(self.mail_port),
            "INSTEP_SMTP_TLS": "none",
            "INSTEP_SMTP_USER": "instep",
            "INSTEP_SMTP_FROM": "instep@firm.example",
            "INSTEP_SMTP_PASSWORD_FILE": self.file("smtp password", password),
        }

    def service(self) -> None:
        """Mails, and the service itself with its endpoints."""
        run = self.stage.run
        self.mail_settings(made("an old password", SEED))
        self.secrets["the old password"] = made("an old password", SEED)
        run("notices", "test", "it@firm.example", code=3)
        run("notices", "send")
        self.mail_settings(str(self.secrets["password"]))
        run("notices", "test", "it@firm.example", code=0)
        for name in self.whole:
            run("start", name, code=0)
            run("restart", name, "--reset", "Escrows", "--yes", code=0)
        self.served("--log-json")
        run("notices", "send")
        run("notices", "list", "--json", code=0)
        run("notices", "show", "1", code=0)
        for name in self.whole:
            run("status", name, "--json")
            run("log", "show", name, "--json")

    def served(self, form: str, before: str = "", awaited: bytes = b"cycle") -> None:
        """The service, until every app has had a cycle in it."""
        place = f"127.0.0.1:{free_port()}"
        with self.stage.running("serve", form, "--listen", place, before=before):
            printed = self.stage.folder / f"{len(self.stage.written)}.txt"
            until(lambda: b"service.started" in printed.read_bytes())
            until(lambda: awaited in printed.read_bytes())
            for path in ("healthz", "readyz", "metrics"):
                try:
                    with urllib.request.urlopen(f"http://{place}/{path}") as answer:
                        self.stage.written[f"{path} {form} {before[:20]}"] = (
                            answer.read() + str(answer.headers).encode()
                        )
                except urllib.error.HTTPError as refused:
                    self.stage.written[f"{path} {form} {before[:20]}"] = refused.read()

    def crashes(self) -> None:
        """A fault of our own: in the middle of a request, with the token in a variable; and in the database."""
        for words in (("sync", "good"), ("app", "test", "repeats"), ("provision", "oauth", "ann@acme.example")):
            self.stage.run("directory", "set", "ann@acme.example", f"jobTitle={words[1]}", code=0)
            with self.stage.running(*words, code=None, before=CRASH) as process:
                process.wait(timeout=60)
            assert b"a fault of ours" in self.stage.written[" ".join(words)]
        self.served("--log-text", CRASH, b"job.fault")
        with sqlite3.connect(self.stage.data / "state.sqlite") as state:
            state.execute(
                "CREATE TRIGGER fall BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'a fault of the disk'); END"
            )
        state.close()
        self.stage.run(
            "directory", "set", "ann@acme.example", "jobTitle=Chief", f"employeeId={self.personal['id of bob']}", code=0
        )
        with self.stage.running("sync", "good", code=None) as process:
            process.wait(timeout=60)
        assert b"a fault of the disk" in self.stage.written["sync good"]
        with sqlite3.connect(self.stage.data / "state.sqlite") as state:
            state.execute("DROP TRIGGER fall")
        state.close()

    def the_end(self) -> None:
        """What is left to be run."""
        run, data = self.stage.run, ("--data", str(self.stage.outside))
        for word in ("show", "members", "teams", "requests"):
            run("org", word, "Acme", *data, code=0)
            run("org", word, "Acme", "--json", *data, code=0)
        run("pause", "good", code=0)
        run("export", "good", "--format", "graph")
        run("export", "good", code=0)
        run("log", "verify", code=0)
        run("log", "prune", "--days", "365", code=0)
        run("directory", "delete", "bob@acme.example", code=0)
        run("directory", "purge", "bob@acme.example", "--yes", code=0)
        run("app", "remove", "nobody", "--yes", code=0)
