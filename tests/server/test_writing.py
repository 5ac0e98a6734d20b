"""A write that is begun by hand ends as an awaited one would."""

import asyncio

import pytest

from server.live.writing import begin


async def test_what_does_not_wait_is_done_at_once() -> None:
    done: list[str] = []

    async def write() -> None:
        done.append("written")

    assert begin(write()) is None
    assert done == ["written"]


async def test_the_rest_waits_as_often_as_it_has_to() -> None:
    gates, passed = [asyncio.Event(), asyncio.Event()], []

    async def write() -> None:
        for number, gate in enumerate(gates):
            await gate.wait()
            passed.append(number)

    rest = begin(write())
    assert rest is not None
    finishing = asyncio.ensure_future(rest)
    for gate in gates:
        await asyncio.sleep(0)
        gate.set()
    await asyncio.wait_for(finishing, 10)
    assert passed == [0, 1]


async def test_what_became_ready_before_it_is_awaited_goes_on() -> None:
    gate = asyncio.Event()
    rest = begin(_pass(gate))
    assert rest is not None
    gate.set()
    await asyncio.sleep(0)
    await asyncio.wait_for(rest, 10)


async def test_an_error_comes_out_where_it_is_awaited() -> None:
    async def write() -> None:
        await asyncio.sleep(0)
        raise ConnectionResetError("gone")

    rest = begin(write())
    assert rest is not None
    with pytest.raises(ConnectionResetError):
        await rest


async def test_a_cancelled_rest_leaves_no_waiter_behind() -> None:
    cleaned: list[str] = []

    async def write() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("cleaned")

    rest = begin(write())
    assert rest is not None
    finishing = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    assert cleaned == ["cleaned"]


async def _pass(gate: asyncio.Event) -> None:
    await gate.wait()
