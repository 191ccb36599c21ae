"""Holds a lock of redis-purse until it is told to release it."""

import asyncio
import sys

from purse.redlock import Redlock
from redis.asyncio import Redis


async def main(urls: list[str]) -> None:
    masters = [Redis.from_url(url) for url in urls]
    lock = Redlock("held", masters, auto_release_time=120_000)
    assert await lock.acquire(timeout=60)
    await masters[0].set("acquired", 1)
    while not await masters[0].exists("release"):
        await asyncio.sleep(0.005)
    await lock.release()


asyncio.run(main(sys.argv[1:]))
