"""The YAML document of an app: out and in without loss, and everything that is wrong with one, by line."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.core.app import App, Audit, Credentials, Notifications, QuarantineLimits
from instep.core.rules_document import (
    ClauseDocument,
    EndingDocument,
    FilterDocument,
    GuardDocument,
    MappingRow,
    NestingDocument,
    ObjectDocument,
    RoleDocument,
    RulesDocument,
)
from instep.core.subject import AppRole
from instep.documents.app_document import (
    AppDocument,
    FaultyDocument,
    TokenDocument,
    dump,
    from_app,
    load,
    settled,
    to_app,
)
from instep.documents.app_settings import (
    AuditDocument,
    CredentialsDocument,
    NotificationsDocument,
    QuarantineDocument,
    ScheduleDocument,
    ending,
)

JANUARY = datetime(2027, 1, 31, tzinfo=UTC)
USERS = ObjectDocument(mappings=(MappingRow("userName", "[userPrincipalName]", matching=1),))
SMALL = AppDocument("crm", "The CRM", "https://crm.example/scim", RulesDocument(users=USERS))
SHORT = """
name: crm
display_name: The CRM
tenant_url: https://crm.example/scim
rules:
  users:
    mappings:
      - {target: userName, source: "[userPrincipalName]", matching: 1}
"""


def faults(text: str, **checks: Any) -> list[str]:
    with pytest.raises(FaultyDocument) as caught:
        load(text, checks)
    return str(caught.value).split("\n")


# ------------------------------------------------------------------------------------------ out and in


def test_what_is_left_out_has_its_default() -> None:
    assert load(SHORT) == SMALL


def test_settings_are_written_in_full_and_each_row_in_one_line() -> None:
    rules = RulesDocument(
        users=ObjectDocument(
            mappings=(
                MappingRow("userName", "[userPrincipalName]", matching=1, required=True),
                MappingRow('emails[type eq "work"].value', 'Join(" ", [mail])', default="no"),
            ),
            filters=(
                FilterDocument("North", (ClauseDocument("country", "EQUALS", "NO"), ClauseDocument("a", "&", "1"))),
            ),
        ),
        roles=(RoleDocument("r", "User", "User"),),
    )
    document = AppDocument(
        "crm",
        "CRM",
        "https://crm.example",
        rules,
        token=TokenDocument(env="CRM_TOKEN"),
        credentials=CredentialsDocument("client_credentials", "https://crm.example/t", "instep", expires="2027-01-31"),
        notifications=NotificationsDocument(("it@contoso.example",)),
    )
    assert (
        dump(document)
        == """\
name: crm
display_name: CRM
tenant_url: https://crm.example
template: scim
token: {env: CRM_TOKEN}
credentials: {kind: client_credentials, token_url: 'https://crm.example/t', client_id: instep, expires: '2027-01-31'}
schedule: {interval_minutes: 40}
audit: {policy: 'off', every_hours: 24}
quarantine: {failures: 10, share: 0.4}
rules:
  scope: assigned
  default_access: true
  skip_out_of_scope_deletions: false
  authoritative_members: false
  nesting: {scope: descendants, members: flattened}
  ending: {by: disable, delete_when_purged: true}
  guard: {cycle_count: 5, cycle_share: 0.05, day_count: 10, day_share: 0.1}
  roles:
    - {id: r, value: User, display_name: User}
  users:
    enabled: true
    actions: [create, update, delete]
    members: false
    mappings:
      - {target: userName, source: '[userPrincipalName]', matching: 1, required: true}
      - {target: 'emails[type eq "work"].value', source: 'Join(" ", [mail])', default: 'no'}
    filters:
      - name: North
        clauses:
          - {attribute: country, operator: EQUALS, value: 'NO'}
          - {attribute: a, operator: '&', value: '1'}
  groups:
    enabled: false
    actions: [create, update, delete]
    members: false
notifications:
  addresses: [it@contoso.example]
  on_failure: false
"""
    )
    assert load(dump(document)) == document


def test_no_actions_at_all_stay_none() -> None:
    users = msgspec.structs.replace(USERS, actions=())
    document = msgspec.structs.replace(SMALL, rules=RulesDocument(users=users))
    assert load(dump(document)) == document


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORD = st.sampled_from(
    ["yes", "no", "on", "null", "~", "1", "1e3", "0x1f", "1:30", "2024-01-01", "=", "<<", "- a", "#"]
)
ANY = (
    TEXT | WORD | st.sampled_from(["a\nb", "a: b", "{x}", "'", '"', "\\", " a ", "\u2028", "\x85", "\t", "ß", "\ufeff"])
)
CLAUSES = st.builds(ClauseDocument, st.sampled_from(["city", "state"]), st.just("EQUALS"), ANY)
FILTERS = st.builds(FilterDocument, ANY, st.lists(CLAUSES, min_size=1, max_size=3).map(tuple))
FLAGS = st.booleans()
ROWS = st.builds(
    MappingRow,
    target=st.sampled_from(["title", "nickName", 'emails[type eq "work"].value']),
    source=ANY.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    default=st.none() | ANY,
    flow=st.sampled_from(["always", "create"]),
    case_exact=FLAGS,
    required=FLAGS,
)
RULES = st.builds(
    RulesDocument,
    users=st.builds(
        ObjectDocument,
        mappings=st.lists(ROWS, max_size=3, unique_by=lambda row: row.target).map(
            lambda rows: (*USERS.mappings, *rows)
        ),
        filters=st.lists(FILTERS, max_size=3).map(tuple),
        actions=st.lists(st.sampled_from(["create", "update", "delete"]), unique=True).map(tuple),
    ),
    scope=st.sampled_from(["assigned", "all"]),
    default_access=FLAGS,
    roles=st.lists(
        st.builds(RoleDocument, ANY, ANY, ANY, FLAGS), max_size=3, unique_by=(lambda r: r.id, lambda r: r.value)
    ).map(tuple),
    nesting=st.builds(NestingDocument, scope=st.sampled_from(["descendants", "direct"])),
    ending=st.builds(EndingDocument, st.sampled_from(["disable", "delete"]), FLAGS),
    guard=st.builds(GuardDocument, st.integers(0, 2**40), st.floats(0, 1), st.integers(0, 9), st.floats(0, 1)),
)
DOCUMENTS = st.builds(
    AppDocument,
    name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    display_name=ANY,
    tenant_url=ANY,
    rules=RULES,
    template=ANY,
    token=st.none() | st.builds(TokenDocument, file=ANY.filter(bool)) | st.just(TokenDocument(env="A_B")),
    schedule=st.builds(ScheduleDocument, st.integers(1, 525_600)),
    credentials=st.none()
    | st.builds(
        CredentialsDocument,
        st.just("client_credentials"),
        ANY.filter(bool),
        ANY.filter(bool),
        st.none() | ANY.filter(bool),
        st.none() | st.dates().map(str),
    ),
    audit=st.builds(AuditDocument, st.sampled_from(["off", "ignore", "report", "repair"]), st.integers(1, 8_760)),
    quarantine=st.builds(QuarantineDocument, st.integers(1, 1_000_000), st.floats(0, 1)),
    notifications=st.builds(NotificationsDocument, st.just(()) | st.just(("a@b.example", "c@d.example")), FLAGS),
)


@settings(deadline=None)
@given(DOCUMENTS)
def test_every_document_comes_back_as_it_was(document: AppDocument) -> None:
    text = dump(document)
    assert load(text) == document
    assert dump(load(text)) == text


def test_each_row_stays_in_its_line_whatever_is_in_it() -> None:
    row = MappingRow("title", f'"{"word " * 300}\\"\n\u2028"', default="a\nb")
    users = msgspec.structs.replace(USERS, mappings=(*USERS.mappings, row))
    text = dump(msgspec.structs.replace(SMALL, rules=RulesDocument(users=users)))
    assert len([line for line in text.splitlines() if "word word" in line or "target: title" in line]) == 1


def test_an_app_becomes_a_document_and_the_same_app_again() -> None:
    app = App(
        name="crm",
        display_name="CRM",
        template="scim",
        tenant_url="https://crm.example/scim",
        rules=msgspec.to_builtins(
            RulesDocument(users=USERS, scope="all", roles=(RoleDocument("r", "v", "V", provisions=False),))
        ),
        roles=(AppRole("r", "v", "V", provisions=False),),
        interval_minutes=15,
        credentials=Credentials("client_credentials", "https://crm.example/t", "instep", "scim", JANUARY),
        notifications=Notifications(("it@contoso.example",), True),
        audit=Audit("repair", 12),
        quarantine=QuarantineLimits(3, 0.5),
    )
    again = to_app(from_app(app))
    assert msgspec.structs.replace(again, rules=app.rules) == app
    assert from_app(again) == from_app(app)
    assert load(dump(from_app(app))) == from_app(app)


def test_what_is_known_of_a_secrets_end_stays_while_the_document_is_silent() -> None:
    app = to_app(SMALL)
    ends = msgspec.structs.replace(app, credentials=Credentials(expires=JANUARY + timedelta(hours=7)))
    assert settled(SMALL, ends) == from_app(ends)
    assert settled(SMALL, app) == from_app(app) == SMALL
    document = from_app(ends)
    assert document.credentials == CredentialsDocument(expires="2027-01-31")
    # The document has the day, what is known is the moment.
    assert ending(to_app(document).credentials, ends.credentials, None, same_secret=True) == ends.credentials
    # Of another secret, only what it says itself is known.
    assert ending(Credentials(), ends.credentials, None, same_secret=False).expires is None
    assert ending(Credentials(), ends.credentials, JANUARY, same_secret=False).expires == JANUARY


def test_off_is_a_word_though_yaml_takes_it_for_false() -> None:
    assert load("audit: {policy: off}" + SHORT) == SMALL


# ----------------------------------------------------------------------------------------------- faults

TEN = """\
name: CRM
display_name: The CRM
tenant_url: ftp://crm.example
colour: red
schedul: {interval_minutes: 5}
rules:
  scope: everyone
  users:
    filters:
      - name: North
        clauses:
          - {attribute: country, operator: LIKE, value: "NO"}
          - {attribute: country, operator: EQUALS, value: NO}
    mappings:
      - {target: userName, source: "[userPrincipalName]", matching: 1}
      - {target: title, source: 'Lef([jobTitle], 3)'}
      - {target: name..given, source: "[givenName]"}
      - target: nickName
        source: "[mailNickname]"
        requird: true
"""


def test_a_file_with_ten_faults_reports_ten_faults_with_their_lines() -> None:
    def https(url: str) -> None:
        raise ValueError(f"{url} isn't https")

    said = faults(TEN, tenant_url=https)
    assert [re.sub(r"^(line \d+: [^:]*): .*", r"\1", each) for each in said] == [
        "line 1: name",
        "line 3: tenant_url",
        "line 4: colour",
        "line 5: schedul",
        "line 7: rules.scope",
        "line 12: rules.users.filters[0].clauses[0]",
        "line 13: rules.users.filters[0].clauses[1].value",
        "line 16: rules.users.mappings[1].source",
        "line 17: rules.users.mappings[2].target",
        "line 20: rules.users.mappings[3].requird",
    ]
    assert "did you mean `schedule`?" in said[3]
    assert "'LIKE' is no operator" in said[5]
    assert "put it in quotes" in said[6]
    assert 'did you mean "Left"? (column 1)' in said[7]
    assert "did you mean `required`?" in said[9]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: crm", "name: crm\nname: crm", "line 3: name: the key `name` stands twice, first in line 2"),
        ("name: crm", "", "line 3: missing the key `name`"),
        ("matching: 1}", "}", "line 7: rules.users.mappings: at least one mapping must be matching"),
        ("matching: 1}", "matching: 1", "line 9: "),
        ("The CRM", "*crm", "line 3: the alias *crm isn't followed"),
        ("The CRM", "!!python/name:os.system x", "line 3: display_name: the tag"),
        ("The CRM", "!!binary aGk=", "line 3: display_name: the tag"),
        ("The CRM", "2026-02-31", "line 3: display_name: this is no value that exists"),
        ("The CRM", "2026-02-01", "line 3: display_name: expected a text, and this is a date; put it in quotes"),
        ("The CRM", "[a, b]", "line 3: display_name: expected a text, and this is a list"),
        ("The CRM", "a\tb: c", "line 3: "),
        ("The CRM", "\x07", "line 3: the character U+0007 can't stand in YAML"),
        ("name: crm", "? [a]\n: 1\nname: crm", "a key is a word"),
        ("rules:", "schedule: {interval_minutes: 0}\nrules:", "line 5: schedule.interval_minutes: must be from 1"),
        ("rules:", "schedule: 40\nrules:", "line 5: schedule: expected keys and values"),
        ("rules:", "<<: {name: x}\nrules:", "line 5: <<: there is no key `<<`"),
        ("rules:", "audit: {policy: on}\nrules:", "line 5: audit.policy: expected `ignore` or `off`"),
        ("rules:", "audit: {every_hours: 0}\nrules:", "line 5: audit.every_hours: must be from 1 to 8,760"),
        ("rules:", "quarantine: {share: 40}\nrules:", "line 5: quarantine.share: must be from 0 to 1"),
        ("rules:", "notifications:\n  addresses: [it]\nrules:", "line 6: notifications.addresses[0]: this is no mail"),
        ("rules:", "credentials: {expires: soon}\nrules:", "line 5: credentials.expires: this is no date"),
        ("rules:", "credentials: {client_id: x}\nrules:", "line 5: credentials.client_id: belongs to `kind"),
        (
            "rules:",
            "credentials: {kind: client_credentials}\nrules:",
            "line 5: credentials: missing the key `token_url`",
        ),
        (SHORT, "", "line 1: expected keys and values, and this is nothing"),
        (SHORT, "- a", "line 1: expected keys and values, and this is a list"),
        (SHORT, "a: 1\n---\nb: 2", "line 2: "),
        (SHORT, "[" * 100, "lists and keys are nested more than 20 deep"),
        (SHORT, "x" * 1_000_001, "longer than 1,000,000 characters"),
    ],
)
def test_what_can_not_be_used_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in SHORT
    assert any(said in each for each in faults(SHORT.replace(old, new, 1)))


def test_words_that_yaml_takes_for_booleans_can_be_keys_and_are_told_as_written() -> None:
    assert "line 2: on: there is no key `on`; known: " in faults("\non: 1" + SHORT)[0]


def test_a_token_url_is_checked_by_who_knows_urls() -> None:
    def https(url: str) -> None:
        raise ValueError(f"{url} isn't https")

    granted = "{kind: client_credentials, client_id: a, token_url: 'ftp://x'}"
    said = faults(f"credentials: {granted}{SHORT}", **{"credentials.token_url": https})
    assert said == ["line 1: credentials.token_url: ftp://x isn't https"]


def test_a_secret_among_the_credentials_is_never_repeated() -> None:
    said = faults(f"credentials: {{client_secret: s3cr3t, kind: bearer}}{SHORT}")
    assert said == ["line 1: credentials.client_secret: the secret is read from where `token` says: token: {env: NAME}"]


def test_an_unknown_template_is_told_by_who_knows_the_gallery() -> None:
    def known(name: str) -> None:
        raise ValueError(f"no {name}")

    assert faults("template: crn" + SHORT, template=known) == ["line 1: template: no crn"]


@pytest.mark.parametrize(
    "token",
    [
        "s3cr3t",
        "{env: s3cr3t-with-dashes}",
        "{value: s3cr3t}",
        "{env: A, file: s3cr3t}",
        "{env: [s3cr3t]}",
        "[s3cr3t]",
        "{s3cr3t}",
        "{s3cr3t: 1}",
        "{}",
        "{file: ''}",
    ],
)
def test_a_secret_in_the_document_is_refused_and_never_repeated(token: str) -> None:
    said = faults(f"token: {token}{SHORT}")
    assert len(said) == 1
    assert said[0].startswith("line 1: token")
    assert "s3cr3t" not in said[0]
    assert "{env: NAME}" in said[0] or "empty" in said[0]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*"[]{}:,-?!&*#|>'\"%@`<=~ \n\t", "name", "rules: ", "\n  - ", "\ufeff", "\x00", "1e9"]))
)
def test_any_text_at_all_is_read_or_refused_with_lines(pieces: list[str]) -> None:
    assert all(each.startswith("line ") for each in faults("".join(pieces)))


@pytest.mark.parametrize(
    "bomb", ["[" * 500_000, "? " * 300_000, "- " * 300_000, "a: " * 9_000, "&a [*a]" * 9, "9" * 99_999]
)
def test_hostile_text_is_refused_quickly(bomb: str) -> None:
    began = time.process_time()
    assert faults(bomb)
    assert time.process_time() - began < 2
