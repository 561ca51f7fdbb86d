"""Regular expressions written for .NET mean here what they mean there, or are refused before anything runs."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import regex

from instep.expressions import ExpressionError, PatternError, PatternTimeout
from instep.expressions.patterns import compile as compiled


def best_of_three(work: Callable[[], object]) -> float:
    """CPU seconds; the best counts, so that a busy machine doesn't fail a test. Nothing compiled is kept between."""
    times: list[float] = []
    for _ in range(3):
        regex.purge()
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def found(pattern: str, text: str) -> str | None:
    match = compiled(pattern).first(text)
    return None if match is None else text[match.start() : match.end()]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("abc", "xabcx", "abc"),
        (r".*\@domain.com", "joe@domain.com", "joe@domain.com"),
        ("(1[0-9][0-9][0-9][0-9][0-9][0-9])", "1234567", "1234567"),
        (r"\+(?<isd>\d* )(?<num>\d{10})", "+91 9998887777", "+91 9998887777"),
        (r"(?'quoted'a)\k'quoted'", "aa", "aa"),
        (r"(?<x>a)\k<x>", "aba", None),
        (r"(a)(?<x>b)\1\2", "abab", "abab"),  # numbers count unnamed groups first
        (r"(?<x>b)(a)\1\2", "baab", "baab"),
        (r"(?<x>b)(a)\1\2", "baba", None),
        (r"(?<x>a)|(?<x>b)", "b", "b"),
        (r"a{2}", "caab", "aa"),
        (r"a{,2}", "a{,2}", "a{,2}"),  # no quantifier in .NET
        (r"a{x}", "a{x}", "a{x}"),
        (r"a{e<=1}", "a{e<=1}", "a{e<=1}"),
        ("a+?", "aaa", "a"),
        ("x*", "aaa", ""),
        (r"[]a]+", "]a]", "]a]"),
        (r"[^]a]", "]ab", "b"),
        (r"[a-z-[aeiou]]+", "aeiouxyz", "xyz"),
        (r"[^a-z-[0-9]]+", "abc12?!", "?!"),
        (r"[a-c-]+", "a-c", "a-c"),
        (r"[-a]+", "-a", "-a"),
        (r"[[:alpha:]]", ":]", ":]"),  # no POSIX classes in .NET
        (r"[a[b]", "[", "["),
        (r"[\w-]+", "über-all", "über-all"),
        (r"[^\W_]+", "_ab_", "ab"),
        (r"[\b]", "\b", "\b"),
        (r"\bcat\b", "a cat sat", "cat"),
        (r"\bcat\b", "concat", None),
        (r"\Bcat", "concat", "cat"),
        (r"\d+", "٣٤", "٣٤"),
        (r"\D+", "12ab", "ab"),
        (r"\s", "\x1c\u2003", "\u2003"),
        (r"\S+", " ab ", "ab"),
        (r"\p{Lu}\p{Ll}+", "xÉric", "Éric"),
        (r"\P{L}+", "ab12", "12"),
        (r"\p{IsCyrillic}+", "abСергей", "Сергей"),
        (r"\p{IsLatin-1Supplement}", "aé", "é"),
        (r"[\p{Lu}\d]+", "aB3", "B3"),
        (r"^a$", "a\n", "a"),
        (r"a\z", "a\n", None),
        (r"a\Z", "a\n", "a"),
        (r"\Ab", "ab", None),
        (r"(?m)^b$", "a\nb\nc", "b"),
        (r"^b$", "a\nb\nc", None),
        (r"a.c", "a\nc", None),
        (r"(?s)a.c", "a\nc", "a\nc"),
        (r"a(?s:.)c", "a\nc", "a\nc"),
        (r"a.c", "a\rc", "a\rc"),
        (r"(?i)strasse", "STRASSE", "STRASSE"),
        (r"(?i)straße", "STRASSE", None),
        (r"a(?i)b|c", "aB", "aB"),
        (r"a(?i)b|c", "C", "C"),  # an option holds to the end of its group, through the branches
        (r"(a(?i)b)c", "aBC", None),
        (r"(?i:a)b", "AB", None),
        (r"(?i)a(?-i)b", "Ab", "Ab"),
        (r"(?i)[a-f]+", "CAFE", "CAFE"),
        (r"(?i)(a)\1", "aA", "aA"),
        (r"(?n)(a)(?<x>b)\1", "abb", "abb"),
        (r"(?x) a b # remark" + "\n c", "abc", "abc"),
        (r"(?x)a\ b[ ]c", "a b c", "a b c"),
        (r"a(?# remark )b", "ab", "ab"),
        (r"(?=ab)a", "ab", "a"),
        (r"a(?!b)", "abac", "a"),
        (r"(?<=a+)b", "aab", "b"),
        (r"(?<!a)b", "abcb", "b"),
        (r"(?>a+)b", "aab", "aab"),
        (r"\x41\u0042\103\t", "ABC\t", "ABC\t"),
        (r"\cA\e\0", "\x01\x1b\0", "\x01\x1b\0"),
        (r"\.\*\[\]\-\#\ \@\/", ".*[]-# @/", ".*[]-# @/"),
        (r"(?:)|a", "a", ""),
        ("", "a", ""),
        ("é|ü", "ü", "ü"),
        ("a&&b--c~~d||e", "a&&b--c~~d", "a&&b--c~~d"),
        (r"[a&&b]+", "a&b", "a&b"),
        (r"[a||b]+", "a|b", "a|b"),
    ],
)
def test_pattern_matches_as_dotnet_has_it(pattern: str, text: str, expected: str | None) -> None:
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "column", "message"),
    [
        ("(a", 1, 'no closing ")"'),
        ("a)", 2, 'no "(" for this ")"'),
        ("[a", 1, "no closing bracket"),
        ("*a", 1, "nothing to repeat"),
        ("a|*", 3, "nothing to repeat"),
        ("a**", 3, "repeat can't be repeated"),
        ("a*+", 3, "repeat can't be repeated"),
        ("a{2}{3}", 5, "repeat can't be repeated"),
        ("^*", 2, "can't be repeated"),
        ("(?=a)*", 6, "can't be repeated"),
        ("a{3,2}", 2, "upside down"),
        ("[z-a]", 2, "upside down"),
        (r"[a-\d]", 2, "a range can't end"),
        ("[a-[b]c]", 7, "last thing in its class"),
        (r"(?<a-b>x)", 4, "balancing groups"),
        (r"(?<1>x)", 4, "can't be a number"),
        (r"(?<a b>x)", 4, "can't be the name of a group"),
        (r"(?<>x)", 4, "can't be the name of a group"),
        (r"(?P<a>x)", 1, "(?<name>"),
        (r"(?(a)b|c)", 1, "conditions"),
        (r"(?z)", 1, "isn't known"),
        (r"(?R)", 1, "isn't known"),
        (r"(?&x)", 1, "isn't known"),
        (r"\G", 1, r"\G can't be translated"),
        (r"\K", 1, "no escape"),
        (r"\X", 1, "no escape"),
        (r"\N", 1, "no escape"),
        (r"a\y", 2, "no escape"),
        (r"\k", 1, r"\k<name>"),
        (r"\ka", 1, r"\k<name>"),
        (r"\k<x>", 1, 'no group "x"'),
        (r"\1", 1, 'no group "1"'),
        (r"\xZ", 3, "2 hexadecimal digits"),
        (r"\u12", 3, "4 hexadecimal digits"),
        (r"\pL", 1, "a name in braces"),
        (r"\p{Latin}", 1, "no category or block"),
        (r"\p{IsNowhere}", 1, "no category or block"),
        ("\\", 1, "the pattern ends"),
        (r"\c1", 1, "is followed by a letter"),
        ("(?#a", 4, 'a closing ")" is missing'),
    ],
)
def test_pattern_that_cannot_be_translated_is_refused_with_its_place(pattern: str, column: int, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compiled(pattern)
    assert message in caught.value.message
    assert caught.value.column == column
    assert isinstance(caught.value, ExpressionError)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a" * 1001, "at most 1,000 characters"),
        ("(" * 51 + ")" * 51, "nested more than 50 deep"),
        ("(?:a{101}){100}", "more than 1"),
        ("((((a{11}){10}){10}){10}){10}", "more than 1"),
        ("a{10001}", "more than 1"),
        ("a{99999999999999999999}", "more than 1"),
        ("(?:a{1,50}){1,201}", "more than 1"),
        ("a{5000,10000}" * 70, "more than 1"),
        ("(?:" + "ab" * 450 + "){100}", "more than 12,000 parts"),
        ("(" * 14 + "a" + ")+" * 14, "more than 12,000 parts"),
        ("(" * 9 + "a" + "){2}" * 9, "more than 12,000 parts"),
    ],
)
def test_pattern_that_is_too_large_is_refused_before_it_is_compiled(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compiled(pattern)
    assert message in caught.value.message

    def refused() -> None:
        with suppress(PatternError):
            compiled(pattern)

    assert best_of_three(refused) < 0.2


@pytest.mark.parametrize("pattern", ["a" * 1000, "(" * 50 + ")" * 50, "(?:a{100}){100}", "a{10000}", "(a*)*" * 100])
def test_pattern_at_the_limits_is_accepted_at_once(pattern: str) -> None:
    assert best_of_three(lambda: compiled(pattern)) < 0.2


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(a|aa)+$", "a" * 60 + "!"),
        (r"^(\w+\s?)*$", "word " * 40 + "!"),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 60),
        (r"(x+x+)+y", "x" * 60),
        (r"(.*?,){25}P", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30"),
        (r"(?:(?:(?:a{1,6}){1,6}){1,6}){1,6}b", "a" * 60),
        (r"(a?){40}a{40}b", "a" * 60),
        (r"(\w*)*\1#", "a" * 60),
        (r"(?<=(a+)+)b", "a" * 60 + "c"),
    ],
)
def test_catastrophic_pattern_is_stopped(pattern: str, text: str) -> None:
    slow = compiled(pattern)

    def searched() -> None:
        with suppress(PatternTimeout):  # the engine sees through some of them
            slow.search(text, timeout=0.05)

    assert best_of_three(searched) < 0.2


def test_time_limit_is_the_callers() -> None:
    with pytest.raises(PatternTimeout) as caught:
        compiled(r"^(a|aa)+$").search("a" * 60 + "!", timeout=0.001)
    assert "within 0.001 s" in caught.value.message
    assert caught.value.pattern == r"^(a|aa)+$"
    with pytest.raises(PatternTimeout):
        compiled(r"^(a|aa)+$").search("a" * 60 + "!", timeout=0)


def test_search_is_not_tied_to_the_ends() -> None:
    assert compiled("b").search("abc")
    assert not compiled("^b$").search("abc")


@pytest.mark.parametrize("pattern", ["^a$", r"\Aa\z", r"^a\Z", "^(a|b)$", "^a$|^b$", "(?:^a$)", "^$"])
def test_pattern_that_is_tied_to_both_ends_has_no_warning(pattern: str) -> None:
    assert compiled(pattern).warnings == ()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("a", 'the start ("^") and the end ("$")'),
        ("^a", 'the end ("$")'),
        ("a$", 'the start ("^")'),
        ("^a|b$", "the start"),
        ("(?m)^a$", "the start"),
        ("(?:^a$)?", "the start"),
        ("", "the start"),
    ],
)
def test_author_of_an_open_pattern_is_warned(pattern: str, told: str) -> None:
    (warning,) = compiled(pattern).warnings
    assert told in warning


def test_translation_is_what_the_engine_gets() -> None:
    pattern = compiled(r"(a)(?<n>\d)")
    assert pattern.translated == r"(?P<g1>a)(?P<g2>[\p{Nd}])"
    assert pattern.groups == {"1": "g1", "2": "g2", "n": "g2"}
    assert regex.compile(pattern.translated, regex.VERSION1).search("a1")
