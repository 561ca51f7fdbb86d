"""How the documentation's sessions are read: what counts as a command, and as its output."""

from tests.docs.sessions import Command, commands, missing


def test_commands_are_read_with_their_output_and_continuations() -> None:
    page = "Type\n\n```console\n$ cat <<END\n> a\n> END\na\n$ true\n```\nand\n```sh\n$ not this\n```\n"
    assert commands(page) == [Command("cat <<END\na\nEND", ("a",)), Command("true", ())]


def test_shown_lines_may_be_some_of_those_printed_but_in_their_order() -> None:
    assert missing(("one", "…", "three"), ["one", "two", "three"]) is None
    assert missing(("three", "one"), ["one", "two", "three"]) == "one"
    assert missing(("four",), ["one"]) == "four"


def test_times_durations_and_ids_are_alike_and_counts_are_not() -> None:
    shown = ("made 2026-01-02 03:04:05 UTC in 0.4 s  as 0123456789abcdef01",)
    assert missing(shown, ["made 2027-11-12 13:14:15 UTC in 12 s as fedcba9876543210ff"]) is None
    assert missing(("4 requests",), ["5 requests"]) == "4 requests"
