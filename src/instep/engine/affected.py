"""Who is looked at: the directory's answer and the job's links, merged in one ascending stream."""

import heapq
from collections.abc import Iterable, Iterator

from instep.core.subject import Kind

PAGE = {Kind.USER: 500, Kind.GROUP: 20}
"""Ids per page; fewer groups, since each brings its members."""


def pages(candidates: Iterable[list[str]], linked: Iterable[list[str]], size: int) -> Iterator[list[str]]:
    """Ids of both streams, each once, ascending, in pages. Both come ascending, in pages of any size."""
    page: list[str] = []
    last = ""
    for subject_id in heapq.merge(_flat(candidates), _flat(linked)):
        if subject_id == last:
            continue
        last = subject_id
        page.append(subject_id)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _flat(chunks: Iterable[list[str]]) -> Iterator[str]:
    for chunk in chunks:
        yield from chunk
