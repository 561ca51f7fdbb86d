"""Ways to lose an export: what isn't one, what is forced all the same, and what is whole and says bad things."""

import uuid
from functools import partial
from typing import Any

from tests.losses.firm import (
    DOMAIN,
    EVERYBODY,
    GROUPS,
    NEWCOMER,
    PROMOTED,
    Firm,
    mapped,
    people,
    person,
    ruled,
)
from tests.losses.way import ALLOWED, EVERYBODY_GOES, way

from instep.hostile.exports import Export
from instep.hostile.spoiling import spoilt

# --------------------------------------------------------------------------------- the export is no export


def _broken(name: str, firm: Firm, **options: Any) -> None:
    rows = firm.with_the_day(people())
    firm.imports(spoilt(name, Export(tuple(rows)), 7), **options)


for _name, _happens in {
    "empty": "the export is a file without a byte",
    "header-only": "the export has a header and nobody",
    "truncated": "the export breaks off in the middle of a row",
    "truncated-at-a-line": "the export breaks off between two rows",
    "open-quote": "a quote that isn't closed swallows the rest of the export",
    "half": "the export has every second person",
    "one": "the export has one person",
    "wrong-tenant": "it's another firm's export",
    "new-ids": "the same people have other ids, as after a migration",
    "twins": "some people are there twice, in capitals and with another id",
    "no-names": "some people have no login name",
    "renamed-columns": "the columns have other names",
    "shifted-cells": "cells are missing in some rows",
    "mixed-encodings": "two encodings are mixed in the export",
    "nul-bytes": "a block of the export is zero bytes",
    "web-page": "a login page is saved under the export's name",
    "huge-cell": "one cell has five megabytes",
}.items():
    way(f"{_name} export", _happens, "refused", partial(_broken, _name))


def _one_group_file(firm: Firm) -> None:
    groups = {**GROUPS, "oncall": GROUPS["oncall"][:1]}
    firm.imports_groups(groups)


way("crew halved", "the export of groups has one of eight members of a group", "refused", _one_group_file)
way(
    "groups missing",
    "the export of groups has four groups of eleven",
    "refused",
    lambda firm: firm.imports_groups({name: GROUPS[name] for name in ("sales", "support", "leads", "commerce")}),
)
way(
    "crew's file empty",
    "the list of one group's members has a header and nobody",
    "refused",
    lambda firm: firm.imports(b"id,userPrincipalName,displayName,objectType\n", "Oncall.csv", group="oncall"),
)

# ------------------------------------------------------------------------- ... and is forced all the same

way(
    "forced header",
    "an export with nobody is forced with --allow-removals",
    "held",
    partial(_broken, "header-only", allow_removals=ALLOWED),
    stopped=EVERYBODY_GOES,
)
way(
    "forced truncation",
    "an export of the first 40 is forced",
    "held",
    lambda firm: firm.imports(people(EVERYBODY[:40]), allow_removals=ALLOWED),
)
way(
    "forced half",
    "an export of every second person is forced",
    "held",
    lambda firm: firm.imports(people(EVERYBODY[::2]), allow_removals=ALLOWED),
)
way(
    "forced other firm",
    "another firm's export is forced",
    "held",
    partial(_broken, "wrong-tenant", allow_removals=ALLOWED),
    stopped=EVERYBODY_GOES,
)


def _new_ids(firm: Firm) -> None:
    new = {id: str(uuid.uuid5(uuid.NAMESPACE_DNS, id)) for id in EVERYBODY}
    firm.imports([person(id, id=new[id]) for id in EVERYBODY], allow_removals=ALLOWED)
    firm.imports_groups(
        {name: [new.get(member, member) for member in members] for name, members in GROUPS.items()},
        allow_removals=ALLOWED,
    )


way(
    "ids made anew",
    "the source gives everybody a new id, in people's export and in the groups', and both are forced",
    "held",
    _new_ids,
    # The new u00 isn't in the app: the account belongs to the old one.
    stopped=frozenset({PROMOTED}),
)
way(
    "ids in capitals",
    "the source writes everybody's id in capitals, and it's forced",
    "held",
    lambda firm: firm.imports([person(id, id=id.upper()) for id in EVERYBODY], allow_removals=ALLOWED),
    stopped=EVERYBODY_GOES,
)
way(
    "forced groups",
    "an export of four groups of eleven is forced",
    "held",
    lambda firm: firm.imports_groups(
        {name: GROUPS[name] for name in ("sales", "support", "leads", "commerce")}, allow_removals=ALLOWED
    ),
)
way(
    "forced crews",
    "an export in which every group has half its members is forced",
    "held",
    lambda firm: firm.imports_groups(
        {name: members[: (len(members) + 1) // 2] for name, members in GROUPS.items()}, allow_removals=ALLOWED
    ),
)
way(
    "forced crew's file",
    "the list of one group's members is empty and forced",
    "held",
    lambda firm: firm.imports(
        b"id,userPrincipalName,displayName,objectType\n", "Oncall.csv", group="oncall", allow_removals=ALLOWED
    ),
)

# ------------------------------------------------------------------ the export is whole, and says bad things

way("rows shuffled", "the rows come in another order", "untouched", lambda firm: firm.imports(people(EVERYBODY[::-1])))
way(
    "names in capitals",
    "all login names are in capitals",
    "untouched",
    lambda firm: firm.imports([person(id, userPrincipalName=(id + DOMAIN).upper()) for id in EVERYBODY]),
)
way(
    "filter's column missing",
    "the column that the scoping filter reads is missing",
    "untouched",
    lambda firm: firm.imports([{k: v for k, v in row.items() if k != "employeeType"} for row in people()]),
    # Of somebody new the filter knows nothing.
    stopped=frozenset({NEWCOMER}),
)
way(
    "filter's column empty",
    "the column that the scoping filter reads is empty for everybody",
    "held",
    lambda firm: firm.imports(people(employeeType="")),
    stopped=EVERYBODY_GOES,
)
way(
    "all disabled",
    "accountEnabled is False for everybody",
    "held",
    lambda firm: firm.imports(people(accountEnabled=False)),
    stopped=EVERYBODY_GOES,
)
way(
    "all titles empty",
    "jobTitle is empty for everybody",
    "untouched",
    lambda firm: firm.imports(people(jobTitle="")),
)
way(
    "other domain",
    "all login names have another domain",
    "held",
    lambda firm: firm.imports([person(id, userPrincipalName=f"{id}@firma.example") for id in EVERYBODY]),
)


def _swapped(firm: Firm) -> None:
    rows = people()
    names = [row["userPrincipalName"] for row in rows]
    firm.imports([{**row, "userPrincipalName": n} for row, n in zip(rows, names[1:] + names[:1], strict=True)])


way(
    "names swapped",
    "everybody has the next one's login name: a column was sorted by itself",
    "held",
    _swapped,
    refused_by_app=True,
)
way(
    "employee numbers empty",
    "the second matching attribute is empty for everybody",
    "untouched",
    lambda firm: firm.imports(people(employeeId="")),
)
way(
    "employee numbers renumbered",
    "the second matching attribute is another for everybody",
    "held",
    lambda firm: firm.imports([person(id, employeeId=f"HR-{id}") for id in EVERYBODY]),
)
way(
    "employee numbers cleared",
    "the second matching attribute is empty for everybody, and the rules clear what is empty",
    "held",
    lambda firm: firm.imports(people(employeeId="")),
    before=ruled(mapped("externalId", "[employeeId]", clear_when_empty=True)),
    kind="clearing",
)
