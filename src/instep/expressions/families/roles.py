"""Functions that turn app role assignments into what an app calls roles.

`[appRoleAssignments]` is a list of role objects with `value` and `displayName`. A role without a value, as many gallery
apps ship them, is known by its display name.
"""

from collections.abc import Mapping
from typing import Final, cast

from ..reading import items
from ..registry import Example, Kind, Parameter, function
from ..values import Role, Value

FAMILY = "App roles"

TYPE: Final = "WindowsAzureActiveDirectoryRole"

_ASSIGNMENTS: Final = (Parameter("appRoleAssignments", Kind.ROLES, "Always [appRoleAssignments].", key="source"),)
_GIVEN: Final[Mapping[str, Value]] = {
    "appRoleAssignments": (
        {"value": "editor", "displayName": "Editor"},
        {"value": "admin", "displayName": "Administrator"},
    )
}
_ROLES: Final[Value] = (
    {"primary": False, "type": TYPE, "value": "editor", "display": "Editor"},
    {"primary": False, "type": TYPE, "value": "admin", "display": "Administrator"},
)


def _roles(assignments: Value) -> list[Role]:
    """The roles that have a name, each with `value` and `display`, once."""
    if not isinstance(assignments, tuple):
        assignments = items(assignments) or ()
    roles: dict[str, Role] = {}
    for assignment in cast(tuple[str | Role, ...], assignments):
        role = {"value": assignment} if isinstance(assignment, str) else assignment
        name = role.get("displayName")
        value = role.get("value") or name
        if isinstance(value, str):
            roles.setdefault(value, {"value": value, "display": name or value})
    return list(roles.values())


@function(
    "SingleAppRoleAssignment",
    family=FAMILY,
    about="The value of the one role that the user has. With several roles it is the first of them in alphabetical "
    "order, so that it stays the same. Not for jobs that provision everybody.",
    parameters=_ASSIGNMENTS,
    returns=Kind.TEXT,
    examples=(
        Example(
            "SingleAppRoleAssignment([appRoleAssignments])",
            "Admin",
            {"appRoleAssignments": ({"value": "Admin", "displayName": "Administrator"},)},
        ),
        Example("SingleAppRoleAssignment([appRoleAssignments])", "admin", _GIVEN),
        Example(
            "SingleAppRoleAssignment([appRoleAssignments])",
            "User",
            {"appRoleAssignments": ({"value": None, "displayName": "User"},)},
        ),
        Example("SingleAppRoleAssignment([appRoleAssignments])", None),
    ),
)
def single_app_role_assignment(assignments: Value) -> str | None:
    values = [str(role["value"]) for role in _roles(assignments)]
    return min(values, default=None)


@function(
    "AppRoleAssignments",
    family=FAMILY,
    about="The values of all roles that the user has.",
    parameters=_ASSIGNMENTS,
    returns=Kind.LIST,
    examples=(Example("AppRoleAssignments([appRoleAssignments])", ("editor", "admin"), _GIVEN),),
)
def app_role_assignments(assignments: Value) -> tuple[str, ...]:
    return tuple(str(role["value"]) for role in _roles(assignments))


def _complex(assignments: Value) -> tuple[Role, ...]:
    return tuple({"primary": False, "type": TYPE, **role} for role in _roles(assignments))


@function(
    "AppRoleAssignmentsComplex",
    family=FAMILY,
    about="All roles that the user has, as role objects. They are added to those in the app: a role that is taken away "
    "here stays there. Not for jobs that provision everybody.",
    parameters=_ASSIGNMENTS,
    returns=Kind.ROLES,
    examples=(Example("AppRoleAssignmentsComplex([appRoleAssignments])", _ROLES, _GIVEN),),
)
def app_role_assignments_complex(assignments: Value) -> tuple[Role, ...]:
    return _complex(assignments)


@function(
    "AssertiveAppRoleAssignmentsComplex",
    family=FAMILY,
    about="The same role objects, which replace those in the app: a role that is taken away here goes there too. Not "
    "for jobs that provision everybody.",
    parameters=_ASSIGNMENTS,
    returns=Kind.ROLES,
    examples=(
        Example("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", _ROLES, _GIVEN),
        Example("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", (), {"appRoleAssignments": ()}),
    ),
)
def assertive_app_role_assignments_complex(assignments: Value) -> tuple[Role, ...]:
    return _complex(assignments)
