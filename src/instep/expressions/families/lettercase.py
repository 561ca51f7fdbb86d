"""Functions that change the letters of a text: upper and lower case, title case, accents."""

from ..dotnet import diacritics
from ..dotnet import lettercase as case
from ..reading import bounded
from ..registry import Example, Kind, Parameter, function

FAMILY = "Letters"

_CULTURE = Parameter(
    "culture",
    Kind.TEXT,
    "The name of a culture such as tr-TR. Only Turkish and Azeri make a difference.",
    required=False,
    check=case.check_culture,
)


@function(
    "ToLower",
    family=FAMILY,
    about="The text in lower case. Whether a change of case alone reaches the app depends on the target attribute's "
    "`caseExact`.",
    parameters=(Parameter("source", Kind.TEXT, "The text."), _CULTURE),
    returns=Kind.TEXT,
    examples=(
        Example("ToLower([mail])", "zoë@contoso.com", {"mail": "ZOË@Contoso.com"}),
        Example('ToLower("DIYARBAKIR", "tr-TR")', "dıyarbakır"),
        Example("ToLower([mail])", None),
    ),
)
def to_lower(source: str, culture: str | None) -> str:
    return case.lower(source, culture or "")


@function(
    "ToUpper",
    family=FAMILY,
    about="The text in upper case, each character for itself: ß has no upper case and stays. Whether a change of case "
    "alone reaches the app depends on the target attribute's `caseExact`.",
    parameters=(Parameter("source", Kind.TEXT, "The text."), _CULTURE),
    returns=Kind.TEXT,
    examples=(
        Example('ToUpper("Zoë Groß")', "ZOË GROß"),
        Example('ToUpper("izmir", "tr-TR")', "İZMİR"),
        Example("ToUpper([mail])", None),
    ),
)
def to_upper(source: str, culture: str | None) -> str:
    return case.upper(source, culture or "")


@function(
    "PCase",
    family=FAMILY,
    about="The text with the first letter of each word in upper case and all others in lower case. Without separators, "
    "words end at white space, punctuation and symbols, but not at an apostrophe.",
    parameters=(
        Parameter("source", Kind.TEXT, "The text."),
        Parameter("wordSeparators", Kind.TEXT, "The characters that end a word, and no others do.", required=False),
    ),
    returns=Kind.TEXT,
    examples=(
        Example("PCase([givenName])", "Pablo Gonsalves (Second)", {"givenName": "PABLO GONSALVES (SECOND)"}),
        Example('PCase("PINTO-DE\'SILVA", " \'-")', "Pinto-De'Silva"),
        Example('PCase("PINTO-DE\'SILVA")', "Pinto-De'silva"),
        Example(
            'PCase(Join(" ", [givenName], [surname]))', "Gregory James", {"givenName": "GREGORY", "surname": "JAMES"}
        ),
    ),
)
def p_case(source: str, separators: str | None) -> str:
    return case.titled(source) if not separators else case.titled_between(source, separators)


@function(
    "NormalizeDiacritics",
    family=FAMILY,
    about="The text with accents taken off its Latin letters. ä becomes a (not ae); æ becomes ae, ø and œ become oe, "
    "ß becomes ss, ł becomes l and ı becomes i. Other scripts stay as they are.",
    parameters=(Parameter("source", Kind.TEXT, "The text."),),
    returns=Kind.TEXT,
    examples=(
        Example('NormalizeDiacritics("Zoë")', "Zoe"),
        Example('NormalizeDiacritics("Łukasz Müller-Groß")', "Lukasz Muller-Gross"),
        Example('NormalizeDiacritics("Søren Ærø")', "Soeren AEroe"),
        Example('NormalizeDiacritics("Сергей")', "Сергей"),
    ),
)
def normalize_diacritics(source: str) -> str:
    return bounded(diacritics.without_accents(source))
