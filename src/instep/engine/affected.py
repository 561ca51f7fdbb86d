"""Who is looked at: the directory's answer and the job's links, merged in one ascending stream."""

import heapq
from collections.abc import Iterable, Iterator

PAGE = 500


def pages(candidates: Iterable[list[str]], linked: Iterable[list[str]], size: int = PAGE) -> Iterator[list[str]]:
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
