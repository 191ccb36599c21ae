"""Reads with redis-purse what the Rust side of this test wrote."""

import asyncio
import sys

from plants import PLANTS, Plant
from purse import RedisHash, RedisList
from redis.asyncio import Redis


async def main(url: str) -> None:
    redis = Redis.from_url(url)

    # Left by the examples.
    plants = RedisHash(redis, "redis_hash", Plant)
    expected = {plant.name: plant for plant in PLANTS}
    expected["carrot"] = Plant(name="carrot", healthiness=5, tasty=False)
    assert await plants.dict() == expected, await plants.dict()
    numbers = RedisList(redis, "redis_list", str)
    assert [n async for n in numbers] == [str(n) for n in range(101)]

    texts = RedisList(redis, "rs:texts", str)
    assert await texts.slice(0, 99) == ["a", "ä€😀", "", '"quoted"', "null", "12"]
    assert await texts.index("12") == 5

    raw = RedisList(redis, "rs:bytes", bytes)
    assert await raw.slice(0, 99) == [b"", bytes(range(256)), b"[1, 2]"]

    dicts = RedisList(redis, "rs:dicts", dict)
    assert await dicts.getitem(0) == {"name": "carrot", "healthiness": 5, "tasty": False}

    counts = RedisHash(redis, "rs:counts", str)
    assert await counts.get("7") == "42"
    await redis.aclose()


asyncio.run(main(sys.argv[1]))
