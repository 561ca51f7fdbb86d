"""The source attributes' older names.

Provisioning schemas name attributes as the old directory graph did; Instep's directory uses Microsoft Graph's names.
Rules may use either. Names that aren't listed here are the same in both.
"""

from typing import Final, NamedTuple


class Alias(NamedTuple):
    """A Graph property, and whether its first element is meant (Graph made some attributes lists)."""

    name: str
    first: bool = False


ALIASES: Final = {
    "objectId": Alias("id"),
    "mobile": Alias("mobilePhone"),
    "telephoneNumber": Alias("businessPhones", first=True),
    "physicalDeliveryOfficeName": Alias("officeLocation"),
    "facsimileTelephoneNumber": Alias("faxNumber"),
}

_BY_LOWER_NAME: Final = {name.lower(): alias for name, alias in ALIASES.items()}


def resolved(name: str) -> Alias:
    """The Graph property behind an attribute's name, old names in any case.

    >>> resolved("objectId")
    Alias(name='id', first=False)
    >>> resolved("mail")
    Alias(name='mail', first=False)
    """
    return _BY_LOWER_NAME.get(name.lower()) or Alias(name)
