"""Answers: sloppy SCIM is read, and what isn't SCIM is never taken for a resource, a list or an absence."""

import msgspec
import pytest

from instep.scim.paths import CORE_GROUP, CORE_USER
from instep.scim.reading import Complaint, NotScim, complaint, page, resource, stated_error

SCIM = "application/scim+json; charset=utf-8"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = b'{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "detail": "taken"}'
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in\n to Acme</title></head><body></body></html>"


@pytest.mark.parametrize(
    ("body", "content_type", "app_id"),
    [
        (b'{"id": "1", "schemas": ["%s"]}' % CORE_USER.encode(), SCIM, "1"),
        (b'{"id": "1"}', "application/json", "1"),
        (b'{"ID": 17}', "text/json", "17"),
        (b'\xef\xbb\xbf{"id": "1"}', "", "1"),
        (b'{"id": "1", "schemas": "%s"}' % CORE_USER.encode(), SCIM, "1"),
        (b'{"id": "1", "schemas": ["urn:scim:schemas:core:1.0"]}', SCIM, "1"),
    ],
)
def test_a_resource_is_read(body: bytes, content_type: str, app_id: str) -> None:
    assert resource(body, content_type, "User", app_id) == (
        app_id,
        msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf")),
    )


BROKEN = [
    (b"", SCIM, "empty"),
    (b" \r\n ", SCIM, "empty"),
    (HTML, "text/html", "web page"),
    (HTML, SCIM, "web page"),
    (b'{"id": "1"}', "text/html; charset=utf-8", "web page"),
    (b'{"id": "1"', SCIM, "isn't JSON"),
    (b"\xff\xfe{}", SCIM, "isn't JSON"),
    (b"[" * 100_000, SCIM, "isn't JSON"),
    (b"null", SCIM, "isn't a JSON object"),
    (b'["1"]', SCIM, "isn't a JSON object"),
    (b'"1"', SCIM, "isn't a JSON object"),
    (ERROR, SCIM, "taken"),
]


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        *BROKEN,
        (b"{}", SCIM, "without an id"),
        (b'{"id": null}', SCIM, "without an id"),
        (b'{"id": ""}', SCIM, "without an id"),
        (b'{"id": true}', SCIM, "without an id"),
        (b'{"id": {"value": "1"}}', SCIM, "without an id"),
        (b'{"id": "2"}', SCIM, "'2' came where '1'"),
        (b'{"id": "1", "schemas": ["%s"]}' % LIST.encode(), SCIM, "a list came"),
        (b'{"id": "1", "schemas": ["%s"]}' % CORE_GROUP.encode(), SCIM, "a Group came"),
    ],
)
def test_what_isnt_the_resource_is_said_to_be_something_else(body: bytes, content_type: str, problem: str) -> None:
    with pytest.raises(NotScim, match=problem):
        resource(body, content_type, "User", "1")


@pytest.mark.parametrize(
    ("body", "total", "ids"),
    [
        (b'{"schemas": ["%s"], "totalResults": 0, "Resources": []}' % LIST.encode(), 0, []),
        (b'{"schemas": ["%s"], "totalResults": 0}' % LIST.encode(), 0, []),
        (b'{"totalresults": "2", "resources": [{"id": "1"}, {"id": 2}]}', 2, ["1", "2"]),
        (b'{"totalResults": 1, "Resources": {"id": "1"}}', 1, ["1"]),
        (b'{"totalResults": 9, "Resources": null}', 9, []),
    ],
)
def test_a_page_is_read(body: bytes, total: int, ids: list[str]) -> None:
    read = page(body, SCIM)
    assert (read.total, [app_id for app_id, _ in read.resources]) == (total, ids)


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        *BROKEN,
        (b"{}", SCIM, "totalResults"),
        (b'{"id": "1", "schemas": ["%s"]}' % CORE_USER.encode(), SCIM, "totalResults"),
        (b'{"totalResults": -1}', SCIM, "totalResults"),
        (b'{"totalResults": true}', SCIM, "totalResults"),
        (b'{"totalResults": 1, "schemas": ["urn:other"]}', SCIM, "urn:other"),
        (b'{"totalResults": 1, "Resources": [{"userName": "a"}]}', SCIM, "without an id"),
        (b'{"totalResults": 1, "Resources": ["1"]}', SCIM, "something else than resources"),
    ],
)
def test_what_isnt_a_list_is_never_an_empty_one(body: bytes, content_type: str, problem: str) -> None:
    with pytest.raises(NotScim, match=problem):
        page(body, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"", SCIM, Complaint()),
        (ERROR, SCIM, Complaint("taken")),
        (b'{"detail": "no", "scimType": "invalidValue"}', SCIM, Complaint("no", "invalidvalue")),
        (b'{"status": "error", "error": "nope"}', "application/json", Complaint("nope")),
        (b'{"Message": "nope"}', "application/json", Complaint("nope")),
        (b'{"code": 7}', "application/json", Complaint('{"code":7}')),
        (HTML, "text/html", Complaint("a web page: Sign in to Acme", html=True)),
        (b"<html>", "", Complaint("a web page", html=True)),
        (b"Forbidden\n\n by  proxy", "text/plain", Complaint("Forbidden by proxy")),
    ],
)
def test_a_complaint_is_understood_whatever_it_comes_in(body: bytes, content_type: str, said: Complaint) -> None:
    assert complaint(body, content_type) == said


def test_a_long_complaint_is_cut() -> None:
    assert len(complaint(b"x" * 10_000, "text/plain").detail) == 500


def test_an_error_in_a_body_states_its_status() -> None:
    assert stated_error(ERROR, SCIM) == 409
    assert stated_error(ERROR.replace(b'"409"', b"200"), SCIM) == 400
    assert stated_error(ERROR.replace(b'"409"', b"null"), SCIM) == 400
    assert stated_error(b'{"id": "1"}', SCIM) is None
    assert stated_error(HTML, SCIM) is None
