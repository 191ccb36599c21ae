"""Reads with redis-purse what the Rust side of this test wrote."""

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
    texts = RedisSet(redis, "rs:set:texts", str)
    expected = ["a", "ä€😀", "", '"quoted"', "null", "12"]
    assert {text async for text in texts} == set(expected)
    assert await texts.contains("ä€😀") and not await texts.contains("b")
    raw = RedisSet(redis, "rs:set:bytes", bytes)
    assert {b async for b in raw} == {b"", bytes(range(256)), b"[1, 2]"}
    plants = RedisSet(redis, "rs:set:plants", Plant)
    assert await plants.len() == 2
    for plant in PLANTS[:2]:
        assert await plants.contains(plant), plant

    texts = RedisSortedSet(redis, "rs:sorted:texts", str)
    scores = [-1.5, 0.1, 2.0, 3.0, 4.0, float("inf")]
    assert await texts.slice_by_rank(0, -1) == list(zip(expected, scores))
    assert await texts.rank("ä€😀") == 1
    raw = RedisSortedSet(redis, "rs:sorted:bytes", bytes)
    assert await raw.slice_by_score(1, 1) == [(b"", 1), (bytes(range(256)), 1), (b"[1, 2]", 1)]
    plants = RedisSortedSet(redis, "rs:sorted:plants", Plant)
    assert await plants.score(PLANTS[0]) == 9.8
    assert await plants.pop_min() == [(PLANTS[0], 9.8)]


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
    await sets(redis)

    # Python does not escape the star of the prefix, so it would find decoys, too.
    space = RedisKeySpace(redis, "rs:space*:", str)
    for text in ["a", "ä€😀", "", '"quoted"', "null", "12"]:
        assert await space.get(text) == text, text
    assert await space.get("raw:é") == "ä"
    plants = RedisKeySpace(redis, "rs:plants:", Plant)
    carrot = Plant(name="carrot", healthiness=5, tasty=False)
    assert {k: v async for k, v in plants} == {"carrot": carrot, "leek": carrot}
    assert 0 < await plants.ttl("carrot") <= 60
    assert await plants.ttl("leek") == -1
    space_dicts = RedisKeySpace(redis, "rs:plants:", dict)
    assert await space_dicts.get("leek") == {"name": "carrot", "healthiness": 5, "tasty": False}
    raws = RedisKeySpace(redis, "rs:raw:", bytes)
    assert {k: v async for k, v in raws} == {"0": b"", "1": bytes(range(256)), "2": b"[1, 2]"}

    fifo = RedisQueue(redis, "rs:fifo", str)
    assert [await fifo.get(timeout=1) for _ in range(3)] == ["a", "b", "c"]
    lifo = RedisLifoQueue(redis, "rs:lifo", str)
    assert [await lifo.get(timeout=1) for _ in range(3)] == ["c", "b", "a"]
    ranked = RedisPriorityQueue(redis, "rs:ranked", Plant)
    assert await ranked.get(timeout=1) == (PLANTS[1], 1)
    assert await ranked.get(timeout=1) == (PLANTS[0], 2)
    await redis.aclose()


asyncio.run(main(sys.argv[1]))
