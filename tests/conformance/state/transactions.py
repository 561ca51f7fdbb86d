"""The exam of `State`: what is seen when, and what stays."""

import asyncio
from typing import Any

import pytest
from tests.conformance.state.values import JOB, NOW, entry, keep_links, link, taken

from instep.core.subject import Kind
from instep.ports import Record, State


class TransactionsExam:
    """What is seen when, and what stays."""

    async def test_awaited_write_can_be_read_at_once(self, state: State) -> None:
        lease = await state.write(lambda writer: writer.take_lease(JOB, "worker", NOW, 60))
        await state.write(lambda writer: writer.record(lease, [Record(link=link("u1"))]))
        assert await state.read(lambda reader: reader.links(JOB, Kind.USER, ["u1"])) == {"u1": link("u1")}

    async def test_write_that_raises_undoes_all_of_its_own_and_nothing_else(self, state: State) -> None:
        lease = await state.write(lambda writer: writer.take_lease(JOB, "worker", NOW, 60))

        def broken(writer: Any) -> None:
            writer.record(lease, [Record(link=link("bad"))])
            raise RuntimeError("after the first half")

        good = [state.write(lambda w, i=i: w.record(lease, [Record(link=link(f"u{i}"))])) for i in range(5)]
        results = await asyncio.gather(*good[:2], state.write(broken), *good[2:], return_exceptions=True)
        assert [type(r).__name__ for r in results] == ["NoneType"] * 2 + ["RuntimeError"] + ["NoneType"] * 3
        found = await state.read(lambda reader: [i for page in reader.link_ids(JOB, Kind.USER) for i in page])
        assert found == [f"u{i}" for i in range(5)]

    def test_transaction_that_raises_leaves_nothing(self, state: State) -> None:
        def half() -> None:
            with state.writing() as writer:
                lease = writer.take_lease(JOB, "worker", NOW, 60)
                writer.record(lease, [Record(link=link("u1"), log=entry("u1"))])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        with state.reading() as reader:
            assert reader.lease(JOB) is None
            assert list(reader.log(JOB)) == []

    def test_writer_sees_what_it_wrote(self, state: State) -> None:
        with state.writing() as writer:
            lease = writer.take_lease(JOB, "worker", NOW, 60)
            writer.record(lease, [Record(link=link("u1"))])
            assert writer.links(JOB, Kind.USER, ["u1"]) == {"u1": link("u1")}

    def test_reader_sees_one_moment_however_long_it_reads(self, state: State) -> None:
        lease = taken(state)
        keep_links(state, lease, [link("u1")])
        with state.reading() as reader:
            assert list(reader.link_ids(JOB, Kind.USER)) == [["u1"]]
            keep_links(state, lease, [link("u2")])
            assert list(reader.link_ids(JOB, Kind.USER)) == [["u1"]]
        with state.reading() as reader:
            assert list(reader.link_ids(JOB, Kind.USER)) == [["u1", "u2"]]
