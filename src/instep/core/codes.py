"""The codes of the provisioning log: what each means, who has to act, and what to do, in plain words.

The codes of failures and skips are the ones that Microsoft documents for its provisioning logs; a few are ours.
What a whole job's trouble asks for is in `cause`.
"""

from typing import Literal

from msgspec import Struct

Category = Literal["failure", "nonServiceFailure", "success"]
"""Graph's provisioningStatusErrorCategory: it passes by itself; somebody has to act; it isn't an error."""


class Code(Struct, frozen=True):
    """What is known of a code."""

    meaning: str
    category: Category
    action: str
    """What to do; empty for nothing."""


_ITSELF = "Nothing: it is tried again by itself. If it goes on for days, tell whoever runs the app."

_RIGHTS = (
    "See in the app whether the credentials may do this, and give them the right; "
    "or give Instep others with `instep app set`."
)

CODES: dict[str, Code] = {
    # The app is busy or broken for a while.
    "TooManyRequests": Code("The app asked for patience.", "failure", "Nothing: the request waits as long as asked."),
    "InternalServerError": Code("The app had an error of its own.", "failure", _ITSELF),
    "WebExceptionProtocolError": Code("The connection broke, or an answer wasn't HTTP.", "failure", _ITSELF),
    "Timeout": Code("The app didn't answer in time.", "failure", _ITSELF),
    "InternalError": Code(
        "A fault of Instep itself.",
        "failure",
        "Nothing at first: it is tried again by itself. If it stays, report it with the steps of this entry.",
    ),
    # The app refuses.
    "Conflict": Code(
        "Another account in the app has this unique value.",
        "nonServiceFailure",
        "Look in the app for the account with that value, and delete or rename it; or match people by something else.",
    ),
    "EntryConflict": Code(
        "No unique value is left, or an account should have matched and didn't.",
        "nonServiceFailure",
        "Look in the app for accounts with these values; or add another candidate to the mapping.",
    ),
    "Unauthorized": Code(
        "The app doesn't accept the credentials.",
        "nonServiceFailure",
        "Make new credentials in the app and set them with `instep app set`.",
    ),
    "InsufficientRights": Code("The credentials may not do this.", "nonServiceFailure", _RIGHTS),
    "NotPermitted": Code("The app doesn't permit this.", "nonServiceFailure", _RIGHTS),
    "MethodNotAllowed": Code(
        "The app doesn't offer this kind of request.",
        "nonServiceFailure",
        "Check that the tenant URL ends where the app's SCIM endpoint begins; or switch this action off in the rules.",
    ),
    "NotImplemented": Code(
        "The app doesn't offer what was asked for.",
        "nonServiceFailure",
        "Leave the attribute out of the mappings, or switch this action off in the rules.",
    ),
    "UnprocessableEntity": Code(
        "The app understood the request and refuses its content.",
        "nonServiceFailure",
        "Read the app's answer in the steps of this entry, and put right the value or the mapping that it names.",
    ),
    "InvalidDomain": Code(
        "The app doesn't permit the domain of a value.",
        "nonServiceFailure",
        "Claim the domain in the app, or map an address whose domain the app permits.",
    ),
    "LicenseLimitExceeded": Code(
        "The app has no licence left.",
        "nonServiceFailure",
        "Buy licences in the app, or take the app away from people who don't need it.",
    ),
    "InvalidAnchor": Code(
        "The account that was linked isn't in the app any more.",
        "nonServiceFailure",
        "Nothing, if it was meant: the person is matched anew. Else find out who deleted the account in the app.",
    ),
    "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse": Code(
        "The app answered with several resources where one was asked for.",
        "nonServiceFailure",
        "Tell the app's vendor: the answer isn't what SCIM asks for.",
    ),
    "SystemForCrossDomainIdentityManagementServiceIncompatible": Code(
        "The app's answer isn't SCIM.",
        "nonServiceFailure",
        "Check the tenant URL with `instep app test`; if it's right, tell the app's vendor.",
    ),
    "ChangeIgnored": Code(
        "The app said that it had made a change, and still shows the old value.",
        "nonServiceFailure",
        "See in the app whether the attribute can be changed, and by these credentials. If not, take its mapping out.",
    ),
    # The rules and the directory.
    "MandatoryFieldsMissing": Code(
        "The person has no value for an attribute that the app requires.",
        "nonServiceFailure",
        "Fill the attribute in the directory, or give the mapping a default value.",
    ),
    "MissingValues": Code(
        "The person has no value for an attribute that the app requires.",
        "nonServiceFailure",
        "Fill the attribute in the directory, or give the mapping a default value.",
    ),
    "ImportSkipped": Code(
        "The person has no value by which an account could be matched.",
        "nonServiceFailure",
        "Fill the matching attribute in the directory, or match by another one.",
    ),
    "SchemaAttributeNotFound": Code(
        "A mapping names an attribute that the app doesn't have.",
        "nonServiceFailure",
        "Correct the mapping's target, or take the mapping out.",
    ),
    "SchemaPropertyCanOnlyAcceptValue": Code(
        "Several values for an attribute that takes one.",
        "nonServiceFailure",
        "Have the mapping's expression give one value.",
    ),
    "EntrySynchronizationError": Code(
        "A mapping or a scoping filter failed for this person.",
        "nonServiceFailure",
        "Try the expression with `instep rules eval`, and correct it or the person's attributes.",
    ),
    "DuplicateTargetEntries": Code(
        "Several accounts in the app match this person.",
        "nonServiceFailure",
        "Keep one of the accounts that the reason names, and delete or rename the others in the app.",
    ),
    "DuplicateSourceEntries": Code(
        "The account belongs to another person of the directory already.",
        "nonServiceFailure",
        "Give the two people different values of the matching attribute.",
    ),
    "UnableToResolveReferenceAttributeValue": Code(
        "A manager or member has no account in the app yet.",
        "success",
        "Nothing: it is written as soon as they have one. They get one when the app is assigned to them.",
    ),
    # Decisions, no errors.
    "StagedDelete": Code(
        "The guard holds this: too many at once, or of a kind that always waits.",
        "success",
        "Look at what is held with `instep approve`, and approve or reject it.",
    ),
    "NotEffectivelyEntitled": Code(
        "The person isn't assigned, has no role that entitles, or is disabled.",
        "success",
        "Nothing, if the person needs no account. Else `instep explain` says what is missing.",
    ),
    "OutOfScope": Code(
        "A scoping filter leaves the person out.",
        "success",
        "Nothing, if that's meant. Else `instep explain` shows which clause decides.",
    ),
    "Protected": Code(
        "An account that is never touched, so that somebody can always get in.",
        "success",
        "Nothing. Who is protected stands in the rules.",
    ),
    "Released": Code("The account isn't managed any more.", "success", ""),
    "RedundantExport": Code("The app holds all of this already.", "success", ""),
    "EntrySynchronizationSkipped": Code("Out of scope, or nothing to change.", "success", ""),
    "CreateDisabled": Code(
        "Creating is switched off.", "success", "Add `create` to the actions in the rules, if it's meant to be on."
    ),
    "UpdateDisabled": Code(
        "Updating is switched off.", "success", "Add `update` to the actions in the rules, if it's meant to be on."
    ),
}

UNKNOWN = Code("", "nonServiceFailure", "Read the reason and the steps of this entry.")


def code(name: str) -> Code:
    """What is known of a code; `UNKNOWN` for one that isn't listed."""
    return CODES.get(name, UNKNOWN)
