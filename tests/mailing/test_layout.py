"""How letters look: in text and HTML, whatever is in their names."""

from html.parser import HTMLParser

import pytest

from instep.core.cause import Command
from instep.core.notices import Letter, Person
from instep.mailing.layout import lay_out, plain

LETTER = Letter(
    "A subject",
    "A headline",
    "A text.",
    facts=(("Why", "x" * 30), ("Since", "today")),
    people_title="Who",
    people=(Person("anna@firm.example", "would lose access", "group"),),
    more=1234,
    advice="Look.",
    commands=(Command("instep approve app", "lists them"),),
)
HOSTILE = '<script>alert(1)</script>"\'&\r\nBcc: x@evil.example\n\n<a href="https://evil.example">here</a>\u202e\x07'


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_letter_says_the_same_in_text_and_html() -> None:
    text, html = lay_out(LETTER)
    for said in ("A headline", "A text.", "anna@firm.example", "would lose access", "1,234 more", "instep approve app"):
        assert said in text
        assert said in html


def test_short_letter_has_no_empty_headings() -> None:
    text, html = lay_out(Letter("s", "h", "t"))
    assert "What to do" not in text + html
    assert "more" not in text + html.replace("font", "")


@pytest.mark.parametrize(
    "field", ["name", "what", "why", "value", "label", "headline", "text", "advice", "line", "subject"]
)
def test_hostile_names_bring_no_markup_and_no_lines(field: str) -> None:
    def of(name: str, text: str) -> str:
        return HOSTILE if name == field else text

    letter = Letter(
        of("subject", "s"),
        of("headline", "h"),
        of("text", "t"),
        facts=((of("label", "l"), of("value", "v")),),
        people_title="Who",
        people=(Person(of("name", "n"), of("what", "w"), of("why", "y")),),
        advice=of("advice", "a"),
        commands=(Command(of("line", "l"), "d"),),
    )
    text, html = lay_out(letter)
    reader = Tags()
    reader.feed(html)
    assert not {"script", "a", "img"} & set(reader.tags)
    assert not {"href", "onclick", "src"} & reader.attributes
    assert not any(line.startswith(("Bcc:", "<a")) for line in text.splitlines())
    assert not {"\u202e", "\x07", "\r"} & set(text + html)


def test_text_that_looks_like_a_template_is_text() -> None:
    text, html = lay_out(Letter("s", "{{ 7 * 7 }}", "{% raw %}"))
    assert "{{ 7 * 7 }}" in text
    assert "49" not in html


def test_page_that_an_app_answers_with_is_cut() -> None:
    assert len(plain("x" * 100_000)) < 700
