"""Functions that cut texts and put them together."""

from ..dotnet.lettercase import lower
from ..limits import RESULT_LENGTH
from ..reading import bounded, items, too_long
from ..registry import Example, IfNull, Kind, Parameter, function
from ..values import Value

FAMILY = "Texts"


@function(
    "Append",
    family=FAMILY,
    about="Puts a suffix behind a text. Without a text there is no result; without a suffix the text stays as it is.",
    parameters=(
        Parameter("source", Kind.TEXT, "The text, usually an attribute."),
        Parameter("suffix", Kind.TEXT, "What is put behind it.", if_null=""),
    ),
    returns=Kind.TEXT,
    examples=(
        Example(
            'Append([userPrincipalName], ".test")',
            "John.Doe@contoso.com.test",
            {"userPrincipalName": "John.Doe@contoso.com"},
        ),
        Example(
            "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))", "JohDoe", {"givenName": "John", "surname": "Doe"}
        ),
        Example('Append([mail], ".test")', None),
    ),
)
def append(source: str, suffix: str) -> str:
    return bounded(source + suffix)


@function(
    "Prepend",
    family=FAMILY,
    about="Puts a prefix before a text. Without a text there is no result.",
    parameters=(
        Parameter("prefix", Kind.TEXT, "What is put before it.", if_null=""),
        Parameter("source", Kind.TEXT, "The text, usually an attribute."),
    ),
    returns=Kind.TEXT,
    examples=(Example('Prepend("ext-", [mailNickname])', "ext-jdoe", {"mailNickname": "jdoe"}),),
)
def prepend(prefix: str, source: str) -> str:
    return bounded(prefix + source)


@function(
    "Join",
    family=FAMILY,
    about="Puts texts together with a separator between them. Every element of a list takes part; what is null or "
    "empty is skipped, with its separator. If nothing is left there is no result.",
    parameters=(
        Parameter("separator", Kind.TEXT, 'What stands between two texts; "" for nothing.', if_null=""),
        Parameter("source", Kind.ANY, "A text or a list of texts.", repeats=True, if_null=IfNull.IS_PASSED),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('Join(" ", [givenName], [surname])', "John Doe", {"givenName": "John", "surname": "Doe"}),
        Example('Join(" ", [givenName], [surname])', "Doe", {"surname": "Doe"}),
        Example('Join(", ", "", "Doe", "John")', "Doe, John"),
        Example('Join(";", [otherMails])', "a@x.org;b@x.org", {"otherMails": ("a@x.org", "b@x.org")}),
        Example('Join("", 1000, [employeeId])', "100042", {"employeeId": "42"}),
        Example('Join(" ", [givenName], [surname])', None),
    ),
)
def join(separator: str, *sources: Value) -> str | None:
    texts: list[str] = []
    for source in sources:
        texts += (part for part in items(source) or () if part)
    if sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0) > RESULT_LENGTH:
        raise too_long()
    return separator.join(texts) if texts else None


@function(
    "Left",
    family=FAMILY,
    about="The first characters of a text. A count beyond its end, or a negative one, gives the whole text; without a "
    "text the result is empty.",
    parameters=(
        Parameter("String", Kind.TEXT, "The text.", if_null=""),
        Parameter("NumChars", Kind.NUMBER, "How many characters."),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('Left("John Doe", 3)', "Joh"),
        Example('Left("John Doe", 0)', ""),
        Example('Left("John Doe", -1)', "John Doe"),
        Example('Left("John Doe", 100)', "John Doe"),
        Example("Left([surname], 3)", ""),
    ),
)
def left(string: str, count: int) -> str:
    return string if count < 0 else string[:count]


@function(
    "Mid",
    family=FAMILY,
    about="Characters from the middle of a text, which may reach to its end. A start behind the end gives an empty "
    "text.",
    parameters=(
        Parameter("source", Kind.TEXT, "The text."),
        Parameter("start", Kind.NUMBER, "Where to begin; the first character is 1.", least=1),
        Parameter("length", Kind.NUMBER, "How many characters.", least=0),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('Mid("John Doe", 3, 5)', "hn Do"),
        Example('Mid("John Doe", 6, 999)', "Doe"),
        Example('Mid("John Doe", 9, 2)', ""),
        Example("Mid([surname], 1, 5)", None),
        Example('Mid("John Doe", 0, 2)', error="start is at least 1"),
    ),
)
def mid(source: str, start: int, length: int) -> str:
    return source[start - 1 : start - 1 + length]


@function(
    "Len",
    family=FAMILY,
    about="The number of characters of a text, 0 without one.",
    parameters=(Parameter("source", Kind.TEXT, "The text.", if_null=""),),
    returns=Kind.NUMBER,
    examples=(
        Example('Len("John Doe")', 8),
        Example("Len([displayName])", 0),
        Example('Len("Zoë 👋")', 5),
    ),
)
def length_of(source: str) -> int:
    return len(source)


@function(
    "Word",
    family=FAMILY,
    about="One word of a text. Words are what stands between any of the delimiters. A number that no word has gives an "
    "empty text, and so does null.",
    parameters=(
        Parameter("String", Kind.TEXT, "The text.", if_null=""),
        Parameter("WordNumber", Kind.NUMBER, "Which word; the first is 1."),
        Parameter("delimiters", Kind.TEXT, "The characters that separate words.", if_null=""),
    ),
    returns=Kind.TEXT,
    examples=(
        Example('Word("The quick brown fox", 3, " ")', "brown"),
        Example('Word("This,string!has&many separators", 3, ",!&#")', "has"),
        Example('Word("The quick brown fox", 9, " ")', ""),
        Example('Word([displayName], 1, " ")', ""),
    ),
)
def word(string: str, number: int, delimiters: str) -> str:
    if number < 1:
        return ""
    words = [string]
    if delimiters:
        spaced = string.translate(dict.fromkeys(map(ord, delimiters), delimiters[0]))
        words = [part for part in spaced.split(delimiters[0]) if part]
    return words[number - 1] if number <= len(words) else ""


@function(
    "StripSpaces",
    family=FAMILY,
    about="Takes every space out of a text. Other white space stays.",
    parameters=(Parameter("source", Kind.TEXT, "The text."),),
    returns=Kind.TEXT,
    examples=(Example('StripSpaces("a b c ")', "abc"), Example("StripSpaces([mail])", None)),
)
def strip_spaces(source: str) -> str:
    return source.replace(" ", "")


@function(
    "Trim",
    family=FAMILY,
    about="Takes the white space off both ends of a text, or off each text of a list.",
    parameters=(Parameter("value", Kind.ANY, "A text or a list of texts."),),
    returns=Kind.ANY,
    examples=(
        Example('Trim("  John Doe ")', "John Doe"),
        Example("Trim([otherMails])", ("a@x.org", "b@x.org"), {"otherMails": (" a@x.org", "b@x.org ")}),
    ),
)
def trim(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(element.strip() for element in items(value) or ())
    return value.strip() if isinstance(value, str) else value


@function(
    "InStr",
    family=FAMILY,
    about="Where a text is found in another: 1 for its beginning, 0 if it isn't there.",
    parameters=(
        Parameter("value1", Kind.TEXT, "The text to look in.", if_null=""),
        Parameter("value2", Kind.TEXT, "The text to look for.", if_null=""),
        Parameter("start", Kind.NUMBER, "Where to begin; 1 if left out.", required=False, least=1),
        Parameter(
            "compareType",
            Kind.WORD,
            "vbTextCompare takes upper and lower case as equal; vbBinaryCompare, which holds if left out, doesn't.",
            required=False,
            choices=("vbBinaryCompare", "vbTextCompare"),
        ),
    ),
    returns=Kind.NUMBER,
    examples=(
        Example('InStr("The quick brown fox", "quick")', 5),
        Example('InStr("repEated", "e", 3, vbBinaryCompare)', 7),
        Example('InStr("repEated", "e", 3, vbTextCompare)', 4),
        Example('InStr("repEated", "x")', 0),
    ),
)
def in_str(value1: str, value2: str, start: int | None, compare: str | None) -> int:
    if compare == "vbTextCompare":
        value1, value2 = lower(value1), lower(value2)
    return value1.find(value2, (start or 1) - 1) + 1
