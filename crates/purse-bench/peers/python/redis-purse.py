"""Drives redis-purse: reads orders, writes answers, a line of JSON each."""

import asyncio
import json
import sys
import time
from typing import Any, Awaitable, Callable

from purse import RedisHash, RedisKeySpace, RedisList, RedisQueue, RedisSet, RedisSortedSet
from purse.redlock import Redlock
from redis.asyncio import Redis

ITEM = json.dumps("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM" * 2)
# Streams read one by one; more would take minutes.
STREAM_SECONDS = 1.0
TTL = 10_000

Act = Callable[[int], Awaitable[Any]]


async def spread(order: dict, act: Act) -> dict:
    each = max(order["count"] // order["tasks"], 1)

    async def task(number: int) -> None:
        for index in range(each):
            await act(number * each + index)

    started = time.perf_counter()
    await asyncio.gather(*(task(number) for number in range(order["tasks"])))
    return {"seconds": time.perf_counter() - started, "done": each * order["tasks"]}


async def iterate(order: dict, stream: Any) -> dict:
    done, started = 0, time.perf_counter()
    async for _ in stream:
        done += 1
        if done == order["count"] or time.perf_counter() - started > STREAM_SECONDS:
            break
    return {"seconds": time.perf_counter() - started, "done": done}


async def bulk(order: dict, work: Awaitable[Any]) -> dict:
    started = time.perf_counter()
    await work
    return {"seconds": time.perf_counter() - started, "done": order["count"]}


async def handover(order: dict, masters: list[Redis]) -> dict:
    """Who released it asks again only when another has it, as in src/handover.rs."""
    samples: list[float] = []
    released: list[float] = []
    taken = asyncio.Condition()
    holders = 0

    async def task() -> None:
        nonlocal holders
        while True:
            lock = Redlock(order["key"], masters, auto_release_time=TTL)
            assert await lock.acquire()
            if released:
                samples.append(time.perf_counter() - released.pop())
            async with taken:
                holders = turn = holders + 1
                taken.notify_all()
            await asyncio.sleep(0.001)
            released.append(time.perf_counter())
            await lock.release()
            async with taken:
                await taken.wait_for(lambda: holders > turn)

    started = time.perf_counter()
    tasks = [asyncio.create_task(task()) for _ in range(order["tasks"])]
    async with taken:
        await taken.wait_for(lambda: holders > order["count"])
    seconds = time.perf_counter() - started
    for waiting in tasks:
        waiting.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"seconds": seconds, "done": order["count"], "samples": samples}


async def passing(order: dict, queue: RedisQueue) -> dict:
    samples: list[float] = []

    async def pop() -> float:
        await queue.get()
        return time.perf_counter()

    started = time.perf_counter()
    for _ in range(order["count"]):
        consumer = asyncio.create_task(pop())
        await asyncio.sleep(0.003)
        pushed = time.perf_counter()
        await queue.put(ITEM)
        samples.append(max(await consumer - pushed, 0.0))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": order["count"], "samples": samples}


async def run(redis: Redis, masters: list[Redis], order: dict) -> dict:
    op, key = order["op"], order["key"]
    items = RedisList(redis, key, str)
    fields = RedisHash(redis, key, str)
    members = RedisSet(redis, key, str)
    scores = RedisSortedSet(redis, key, str)
    space = RedisKeySpace(redis, key, str)
    queue = RedisQueue(redis, key, str)

    async def lock(index: int) -> None:
        held = Redlock(f"{key}:{index}", masters, auto_release_time=TTL)
        assert await held.acquire()
        await held.release()

    single: dict[str, Act] = {
        "list_append": lambda _: items.append(ITEM),
        "list_get": lambda _: items.getitem(0),
        "hash_set": lambda index: fields.set(f"f{index % 1000}", ITEM),
        "hash_get": lambda index: fields.get(f"f{index % 1000}"),
        "set_contains": lambda index: members.contains(f"f{index % 1000}"),
        "sorted_insert": lambda index: scores.add((f"f{index % 1000}", float(index))),
        "space_get": lambda index: space.get(f"f{index % 1000}"),
        "queue_throughput": lambda _: queue.get(),
        "lock": lock,
    }
    streams = {
        "list_iterate": items.values,
        "hash_iterate": fields.items,
        "set_iterate": members.values,
        "sorted_iterate": scores.values,
        "space_iterate": space.items,
    }
    if op in single:
        return await spread(order, single[op])
    if op in streams:
        return await iterate(order, streams[op]())
    if op == "list_extend":
        return await bulk(order, items.extend([ITEM] * order["count"]))
    if op == "hash_extend":
        return await bulk(order, fields.update({f"f{i}": ITEM for i in range(order["count"])}))
    if op == "queue_handover":
        return await passing(order, queue)
    if op == "lock_handover":
        return await handover(order, masters)
    raise ValueError(f"redis-purse has no {op}")


async def main(urls: list[str]) -> None:
    redis = Redis.from_url(urls[0], decode_responses=True)
    # Without a bound, a master that is stopped would keep it for ever.
    masters = [Redis.from_url(url, socket_timeout=0.2) for url in urls]
    for client in [redis, *masters]:
        await client.ping()
    loop = asyncio.get_running_loop()
    print('{"seconds": 0.0, "done": 0}', flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await run(redis, masters, json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


asyncio.run(main(sys.argv[1:]))
