"""Links between the parts are cut, slow and lossy, or all gone at once."""

import asyncio

from tests.faults.rig.case import Rig

SERVERS = ("postgres", "temporal", "kafka", "valkey")


async def test_worker_cut_off_from_temporal(rig: Rig) -> None:
    title = "worker ↔ Temporal: packets dropped for 5 s, then refused for 3 s"
    async with rig.case(22, title, api_serves="reads") as case, case.load():
        await case.confirmed(5)
        link = case.stack.link("worker", "temporal")
        link.freeze()
        case.injected("seconds without packets", 5)
        await asyncio.sleep(5)
        link.refuse()
        await asyncio.sleep(3)
        await link.heal()
        await case.confirmed(5)


async def test_api_cut_off_from_temporal(rig: Rig) -> None:
    title = "API ↔ Temporal: packets dropped for 5 s, then refused for 3 s"
    async with rig.case(22, title) as case, case.load():
        await case.confirmed(5)
        link = case.stack.link("api", "temporal")
        link.freeze()
        case.injected("seconds without packets", 5)
        await asyncio.sleep(5)
        link.refuse()
        await asyncio.sleep(3)
        await link.heal()
        await case.confirmed(5)


async def test_every_link_slow_and_lossy(rig: Rig) -> None:
    title = "a round trip of 200 ms ± 100 ms and 5 % loss on every link"
    async with rig.case(39, title) as case, case.load(4):
        await case.confirmed(3)
        for link in case.stack.links.values():
            link.slow(0.1, jitter=0.05)
            link.lose(0.05)
        await case.confirmed(6)


async def test_every_server_gone_at_once(rig: Rig) -> None:
    title = "every server out of reach for 10 s under load, then back: the backlog drains"
    async with rig.case(40, title) as case, case.load(8):
        await case.confirmed(5)
        links = [link for server in SERVERS for link in case.stack.links_of(server=server)]
        for link in links:
            link.refuse()
        await asyncio.sleep(10)
        for link in links:
            await link.heal()
        await case.confirmed(15)
