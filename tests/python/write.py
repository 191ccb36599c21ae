"""Writes with redis-purse what the Rust side of this test reads."""

import asyncio
import sys

from plants import PLANTS, Plant
from purse import RedisHash, RedisList
from redis.asyncio import Redis


async def main(url: str) -> None:
    redis = Redis.from_url(url)

    texts = RedisList(redis, "py:texts", str)
    await texts.extend(["a", "ä€😀", "", '"quoted"', "null", "12"])

    raw = RedisList(redis, "py:bytes", bytes)
    await raw.extend([b"", bytes(range(256)), b"[1, 2]"])

    dicts = RedisList(redis, "py:dicts", dict)
    await dicts.append({"name": "carrot", "healthiness": 5, "tasty": False})

    plants = RedisHash(redis, "py:plants", Plant)
    await plants.update({plant.name: plant for plant in PLANTS})

    numbers = RedisList(redis, "py:numbers", str)
    await numbers.extend([str(number) for number in range(101)])
    await redis.aclose()


asyncio.run(main(sys.argv[1]))
