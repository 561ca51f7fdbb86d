"""The documented examples of Microsoft's language, one by one; the ids name the section of the behaviour specification
that holds them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from instep.expressions import DROP, Candidates, Inputs, Redacted, Result, Value, functions, parse

NOW = datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC)

PHONE = r'"\\+(?<isd>\\d* )(?<num>\\d{10})"'
ROLE = {"value": "Admin", "displayName": "Administrator"}
ROLE_SENT = {
    "primary": False,
    "type": "WindowsAzureActiveDirectoryRole",
    "value": "Admin",
    "display": "Administrator",
}

DOCUMENTED: list[tuple[str, str, Mapping[str, Value], Result]] = [
    (
        "4.2",
        'Append([userPrincipalName], ".test")',
        {"userPrincipalName": "John.Doe@contoso.com"},
        "John.Doe@contoso.com.test",
    ),
    ("4.2", "AppRoleAssignments([appRoleAssignments])", {"appRoleAssignments": (ROLE,)}, ("Admin",)),
    ("4.2", "AppRoleAssignmentsComplex([appRoleAssignments])", {"appRoleAssignments": (ROLE,)}, (ROLE_SENT,)),
    ("4.2", "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", {"appRoleAssignments": (ROLE,)}, (ROLE_SENT,)),
    ("4.2", "BitAnd(&HF, &HF7)", {}, 7),
    ("4.2", "CBool([a] = [b])", {"a": "x", "b": "x"}, True),
    ("4.2", 'CDate("2021-06-30+08:00")', {}, "6/29/2021 4:00:00 PM"),
    (
        "4.2",
        "Coalesce([mail],[userPrincipalName])",
        {"userPrincipalName": "John.Doe@contoso.com"},
        "John.Doe@contoso.com",
    ),
    ("4.2", 'ConvertToBase64("Hello world!")', {}, "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),
    ("4.2", 'ConvertToUTF8Hex("Hello world!")', {}, "48656C6C6F20776F726C6421"),
    ("4.2", "Count([proxyAddresses])", {"proxyAddresses": ("a", "b", "c")}, 3),
    ("4.2", "CStr([dn])", {"dn": "cn=Joe,dc=contoso,dc=com"}, "cn=Joe,dc=contoso,dc=com"),
    ("4.2", 'DateAdd("d", 7, CDate("2012-03-16-07:00"))', {}, "3/23/2012 7:00:00 AM"),
    ("4.2", 'DateDiff("ww", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))', {}, -493),
    ("4.2", "DateFromNum(129699324000000000)", {}, "1/1/2012 11:00:00 PM"),
    ("4.2", 'Join("@", [mailNickname], DefaultDomain())', {"mailNickname": "john"}, "john@contoso.com"),
    ("4.2", 'FormatDateTime([x], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")', {"x": "20150123105347.1Z"}, "2015-01-23"),
    ("4.2", "IgnoreFlowIfNullOrEmpty([department])", {"department": ""}, DROP),
    ("4.2", 'IIF([country]="USA",[country],[department])', {"country": "USA", "department": "IT"}, "USA"),
    ("4.2", 'IIF([country]="USA",[country],[department])', {"department": "IT"}, "IT"),
    ("4.2", 'InStr("repEated","e",3,vbBinaryCompare)', {}, 7),
    ("4.2", "IsNull([displayName])", {}, True),
    ("4.2", "IsNullOrEmpty([displayName])", {"displayName": ""}, True),
    ("4.2", "IsPresent([mail])", {"mail": "a"}, True),
    ("4.2", "IsString([employeeId])", {"employeeId": "7"}, True),
    ("4.2", "Item([proxyAddresses], 1)", {"proxyAddresses": ("a", "b")}, "a"),
    ("4.2", 'Join(" ", [givenName], [surname])', {"givenName": "John", "surname": "Doe"}, "John Doe"),
    ("4.2", 'Join(", ", "", "Doe", "John")', {}, "Doe, John"),
    ("4.2", 'Left("John Doe", 3)', {}, "Joh"),
    ("4.2", "Len([displayName])", {}, 0),
    ("4.2", "Mid([surname], 1, 5)", {"surname": "Ellington"}, "Ellin"),
    ("4.2", 'NormalizeDiacritics("Zoë")', {}, "Zoe"),
    ("4.2", "Not([IsSoftDeleted])", {"IsSoftDeleted": "True"}, False),
    ("4.2", "Now()", {}, "7/2/2021 3:33:38 PM"),
    ("4.2", 'NumFromDate("2020-12-31 23:59:59-08:00")', {}, "132539615990000000"),
    ("4.2", 'PCase("PINTO-DE\'SILVA"," \'-")', {}, "Pinto-De'Silva"),
    ("4.2", "Redact([userPrincipalName])", {"userPrincipalName": "a@x.org"}, Redacted("a@x.org")),
    ("4.2", "RemoveDuplicates([proxyAddresses])", {"proxyAddresses": ("b", "a", "B")}, ("b", "a")),
    (
        "4.2",
        'SelectUniqueValue(Join(".",[a],[b]), Join(".",Left([a],1),[b]))',
        {"a": "John", "b": "Smith"},
        Candidates(("John.Smith", "J.Smith")),
    ),
    ("4.2", "SingleAppRoleAssignment([appRoleAssignments])", {"appRoleAssignments": (ROLE,)}, "Admin"),
    ("4.2", 'Split("A, B", ",")', {}, ("A", "B")),
    ("4.2", 'StripSpaces("a b")', {}, "ab"),
    ("4.2", 'Switch([state], "Other", "QLD", "Brisbane")', {"state": "QLD"}, "Brisbane"),
    ("4.2", 'Switch([state], "Other", "QLD", "Brisbane")', {}, "Other"),
    ("4.2", "ToLower([mail])", {"mail": "A@X.org"}, "a@x.org"),
    ("4.2", 'Word("This,string!has&many separators",3,",!&#")', {}, "has"),
    ("4.3", 'Replace([mail], "@contoso.com", , ,"", ,)', {"mail": "john.doe@contoso.com"}, "john.doe"),
    (
        "4.3",
        'Replace([UserID],"<username>", , , , , "<username>@contoso.com")',
        {"UserID": "jsmith"},
        "jsmith@contoso.com",
    ),
    ("4.3", f'Replace([tel], , {PHONE}, , "${{num}}", , )', {"tel": "+91 9998887777"}, "9998887777"),
    ("4.3", r'Replace([addr], ,"(?<no>^\\d*)","no","888", , )', {"addr": "545 Tremont Street"}, "888 Tremont Street"),
    (
        "4.3",
        f'Replace([tel], , {PHONE}, "num", , [mobile], )',
        {"tel": "", "mobilePhone": "+91 8887779999"},
        "8887779999",
    ),
    ("4.3", f'Replace([tel], , {PHONE}, "num", , [mobile], )', {"tel": "1", "mobilePhone": "+91 8887779999"}, "1"),
    ("4.2", "ToLower([a], [b])", {"a": "Ä", "b": "de-DE"}, "ä"),
    (
        "4.2",
        """Switch([Active], ,
            "1", IIF(DateDiff("d", Now(), CDate([StatusHireDate])) > 5, "False", "True"),
            "0", "False")""",
        {"Active": "1", "StatusHireDate": "2021-07-05-07:00"},
        "True",
    ),
    ("3.7", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', {"IsSoftDeleted": "False"}, "True"),
    ("3.7", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', {"IsSoftDeleted": "True"}, "False"),
    ("8.6", r'Replace([preferredLanguage], "-", , , "_", , )', {"preferredLanguage": "EN-US"}, "EN_US"),
]


@pytest.mark.parametrize(
    ("text", "given", "result"),
    [pytest.param(*case[1:], id=f"section {case[0]}: {case[1][:40]}") for case in DOCUMENTED],
)
def test_documented_example(text: str, given: Mapping[str, Value], result: Result) -> None:
    inputs = Inputs(given, now=NOW, default_domain="contoso.com")
    assert parse(text).evaluate(inputs) == result


def test_documented_random_values_have_their_shape_and_are_made_once() -> None:
    """Section 4.2: a length, the least number of digits, special, upper and lower letters, and what to avoid."""
    given = Inputs({}, now=NOW, seed="seed")
    guid = parse("Guid()").evaluate(given)
    assert isinstance(guid, str)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", guid)
    made = parse('RandomString(10,2,2,2,1,"?,")').evaluate(given)
    assert isinstance(made, str)
    assert len(made) == 10
    assert not set(made) & set("?,")
    counted = [sum(map(kind, made)) for kind in (str.isdigit, lambda c: not c.isalnum(), str.isupper, str.islower)]
    assert all(count >= least for count, least in zip(counted, (2, 2, 2, 1), strict=True))
    assert (guid, made) == (parse("Guid()").evaluate(given), parse('RandomString(10,2,2,2,1,"?,")').evaluate(given))


def test_every_function_of_section_4_2_has_its_documented_example_here() -> None:
    shown = {name for _, text, _, _ in DOCUMENTED for name in parse(text).functions} | {"Guid", "RandomString"}
    beyond = {
        "Prepend",
        "IsNothing",
        "ToUpper",
        "ConvertFromBase64",
        "Trim",
        "Error",
        "Contains",
        "StringFromSid",
        "DNComponent",
    }
    assert set(functions()) - shown <= beyond
