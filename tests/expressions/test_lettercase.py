"""Letters: .NET's upper, lower and title case, and accents."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.expressions.dotnet.diacritics import without_accents
from instep.expressions.dotnet.lettercase import lower, titled, titled_between, upper

TABLE = {
    "a": "ä à â ã å á ą ă ā ā́ ā̀ ā̂ ā̃ ǟ ā̈ ǡ a̱ å̄",
    "A": "Ä À Â Ã Å Á Ą Ă Ā Ǟ Ǡ A̱",
    "ae": "æ ǣ",
    "AE": "Æ Ǣ",
    "c": "ç č ć c̄ c̱",
    "d": "ď d̄ ḏ",
    "e": "ë è é ê ę ě ė ē ḗ ḕ ē̂ ê̄ e̊̄",
    "g": "ğ ḡ g̱",
    "i": "ï î ì í ı ī i̱",
    "I": "Ï Î Ì Í İ Ī I̱",
    "l": "ľ ł l̄ ḹ ḻ",
    "L": "Ł Ľ Ḹ Ḻ",
    "n": "ñ ń ň n̄ ṉ",
    "o": "ö ò ő õ ô ó ō ṓ ȫ ǭ ȭ ȱ o̱",
    "oe": "ø ø̄ œ̄ œ",
    "OE": "Ø Ø̄ Œ̄",
    "r": "ř r̄ ṟ ṝ",
    "ss": "ß",
    "s": "š ś ș ş s̄ s̱",
    "t": "ť ț t̄ ṯ",
    "u": "ü ù û ú ů ű ū ṻ ṳ̄ ǖ",
    "y": "ÿ ý ȳ y̱",
    "z": "ź ž ż z̄ ẕ",
}


@pytest.mark.parametrize(("plain", "accented"), TABLE.items())
def test_accents_of_the_documented_table_are_taken_off(plain: str, accented: str) -> None:
    for letter in accented.split():
        assert without_accents(letter) == plain
        assert without_accents(unicodedata.normalize("NFD", letter)) == plain


@pytest.mark.parametrize("text", ["Сергей Йод", "ΌΛΓΑ", "हिन्दी", "日本語が", "한국어", "عَرَبِيّ", "½ © 😀", "́a"])
def test_other_scripts_keep_their_marks(text: str) -> None:
    assert without_accents(text) == text


@given(st.text())
def test_taking_accents_off_twice_is_taking_them_off_once(text: str) -> None:
    assert without_accents(without_accents(text)) == without_accents(text)


@given(st.text(), st.sampled_from(["", "en-US", "tr-TR", "az"]))
def test_changing_case_keeps_every_character_in_its_place(text: str, culture: str) -> None:
    assert len(upper(text, culture)) == len(lower(text, culture)) == len(titled(text)) == len(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_has_the_usual_cases(text: str) -> None:
    assert upper(text) == text.upper()
    assert lower(text) == text.lower()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("straße", "STRAßE"),
        ("ıi", "ıI"),
        ("ǆ", "Ǆ"),
        ("ΐ", "ΐ"),
        ("ŉ", "ŉ"),
    ],
)
def test_upper_case_is_one_character_for_one(text: str, expected: str) -> None:
    assert upper(text) == expected


def test_lower_case_knows_no_final_sigma_and_leaves_the_dotted_capital_alone() -> None:
    assert lower("ΟΔΟΣ") == "οδοσ"
    assert lower("İI") == "İi"
    assert lower("İI", "tr-TR") == "iı"
    assert upper("iı", "TR") == "İI"
    assert upper("i", "trv") == "I"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PABLO GONSALVES (SECOND)", "Pablo Gonsalves (Second)"),
        ("o'neil-mcDONALD", "O'neil-Mcdonald"),
        ("jean_luc", "Jean_Luc"),
        ("2nd floor", "2Nd Floor"),
        ("a1b", "A1b"),
        ("ǆ", "ǅ"),
        ("éric à paris", "Éric À Paris"),
        ("", ""),
        ("it's 'quoted'", "It's 'Quoted'"),
    ],
)
def test_words_of_title_case_are_those_of_dotnet(text: str, expected: str) -> None:
    assert titled(text) == expected


def test_given_separators_are_the_only_ones() -> None:
    assert titled_between("JEAN-LUC PICARD", "-") == "Jean-Luc picard"
    assert titled_between("1st x", " ") == "1st X"
