"""Adds to a number under a lock of redis-purse, which the Rust side of this test does as well."""

import asyncio
import sys

from purse.redlock import Redlock
from redis.asyncio import Redis

TASKS = 3
ROUNDS = 10


async def add(masters: list[Redis]) -> None:
    for _ in range(ROUNDS):
        lock = Redlock("contended", masters, auto_release_time=20_000)
        assert await lock.acquire(timeout=60)
        number = int(await masters[0].get("number") or 0)
        await asyncio.sleep(0)
        await masters[0].set("number", number + 1)
        await lock.release()


async def main(urls: list[str]) -> None:
    masters = [Redis.from_url(url) for url in urls]
    await asyncio.gather(*(add(masters) for _ in range(TASKS)))


asyncio.run(main(sys.argv[1:]))
