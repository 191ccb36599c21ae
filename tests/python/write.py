"""Writes with redis-purse what the Rust side of this test reads."""

import asyncio
import sys

from plants import PLANTS, Plant
from purse import (
    RedisHash,
    RedisKeySpace,
    RedisLifoQueue,
    RedisList,
    RedisPriorityQueue,
    RedisQueue,
    RedisSet,
    RedisSortedSet,
)
from redis.asyncio import Redis


async def sets(redis: Redis) -> None:
    texts = ["a", "ä€😀", "", '"quoted"', "null", "12"]
    raw = [b"", bytes(range(256)), b"[1, 2]"]
    carrot = {"name": "carrot", "healthiness": 5, "tasty": False}
    await RedisSet(redis, "py:set:texts", str).update(*texts)
    await RedisSet(redis, "py:set:bytes", bytes).update(*raw)
    await RedisSet(redis, "py:set:plants", Plant).update(*PLANTS)
    await RedisSet(redis, "py:set:dicts", dict).add(carrot)

    scores = [-1.5, 0.1, 2.0, 3.0, 4.0, float("inf")]
    await RedisSortedSet(redis, "py:sorted:texts", str).add_multi(list(zip(texts, scores)))
    numbered = [(b, n) for n, b in enumerate(raw)]
    await RedisSortedSet(redis, "py:sorted:bytes", bytes).add_multi(numbered)
    ranked = [(plant, plant.healthiness) for plant in PLANTS]
    await RedisSortedSet(redis, "py:sorted:plants", Plant).add_multi(ranked)


async def main(url: str) -> None:
    redis = Redis.from_url(url)
    await sets(redis)

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

    space = RedisKeySpace(redis, "py:space*:", str)
    await space.update({t: t for t in ["a", "ä€😀", "", '"quoted"', "null", "12"]})
    # Not in the space: its prefix is no pattern.
    await redis.set("py:space-x:decoy", "1")
    plants = RedisKeySpace(redis, "py:space-plants:", Plant)
    await plants.set("carrot", Plant(name="carrot", healthiness=5, tasty=False), ex=60)
    space_dicts = RedisKeySpace(redis, "py:space-plants:dict:", dict)
    await space_dicts.set("carrot", {"name": "carrot", "healthiness": 5, "tasty": False})
    raws = RedisKeySpace(redis, "py:space-raw:", bytes)
    await raws.update({"0": b"", "1": bytes(range(256)), "2": b"[1, 2]"})

    for name, queue in (("fifo", RedisQueue), ("lifo", RedisLifoQueue)):
        jobs = queue(redis, f"py:{name}", str)
        for job in ["a", "b", "c"]:
            await jobs.put(job)
    ranked = RedisPriorityQueue(redis, "py:ranked", Plant)
    await ranked.put((PLANTS[0], 2))
    await ranked.put((PLANTS[1], 1))
    await redis.aclose()


asyncio.run(main(sys.argv[1]))
