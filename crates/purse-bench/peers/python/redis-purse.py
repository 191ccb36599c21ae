"""The peer redis-purse: reads requests, and writes responses, a line of JSON each."""

import asyncio
import json
import sys
import time
from typing import Any, Awaitable, Callable

from purse import RedisHash, RedisKeySpace, RedisList, RedisQueue, RedisSet, RedisSortedSet
from purse.redlock import Redlock
from redis.asyncio import Redis

ITEM = json.dumps("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM" * 2)
# Iteration stops after this time, because these streams read one element at a time.
STREAM_SECONDS = 1.0
TTL = 10_000

Act = Callable[[int], Awaitable[Any]]


async def run_tasks(request: dict, act: Act) -> dict:
    each = max(request["count"] // request["tasks"], 1)

    async def task(number: int) -> None:
        for index in range(each):
            await act(number * each + index)

    started = time.perf_counter()
    await asyncio.gather(*(task(number) for number in range(request["tasks"])))
    return {"seconds": time.perf_counter() - started, "done": each * request["tasks"]}


async def iterate(request: dict, stream: Any) -> dict:
    done, started = 0, time.perf_counter()
    async for _ in stream:
        done += 1
        if done == request["count"] or time.perf_counter() - started > STREAM_SECONDS:
            break
    return {"seconds": time.perf_counter() - started, "done": done}


async def measure(request: dict, work: Awaitable[Any]) -> dict:
    started = time.perf_counter()
    await work
    return {"seconds": time.perf_counter() - started, "done": request["count"]}


async def measure_handovers(request: dict, masters: list[Redis]) -> dict:
    """A task that released the lock waits until another holds it: see src/load/handover.rs."""
    samples: list[float] = []
    released: list[float] = []
    acquired = asyncio.Condition()
    holders = 0

    async def task() -> None:
        nonlocal holders
        while True:
            lock = Redlock(request["key"], masters, auto_release_time=TTL)
            assert await lock.acquire()
            if released:
                samples.append(time.perf_counter() - released.pop())
            async with acquired:
                holders = turn = holders + 1
                acquired.notify_all()
            await asyncio.sleep(0.001)
            released.append(time.perf_counter())
            await lock.release()
            async with acquired:
                await acquired.wait_for(lambda: holders > turn)

    started = time.perf_counter()
    tasks = [asyncio.create_task(task()) for _ in range(request["tasks"])]
    async with acquired:
        await acquired.wait_for(lambda: holders > request["count"])
    seconds = time.perf_counter() - started
    for waiting in tasks:
        waiting.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"seconds": seconds, "done": request["count"], "samples": samples}


async def measure_queue_latency(request: dict, queue: RedisQueue) -> dict:
    samples: list[float] = []

    async def pop() -> float:
        await queue.get()
        return time.perf_counter()

    started = time.perf_counter()
    for _ in range(request["count"]):
        consumer = asyncio.create_task(pop())
        await asyncio.sleep(0.003)
        pushed = time.perf_counter()
        await queue.put(ITEM)
        samples.append(max(await consumer - pushed, 0.0))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": request["count"], "samples": samples}


async def run(redis: Redis, masters: list[Redis], request: dict) -> dict:
    op, key = request["op"], request["key"]
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
        return await run_tasks(request, single[op])
    if op in streams:
        return await iterate(request, streams[op]())
    if op == "list_extend":
        return await measure(request, items.extend([ITEM] * request["count"]))
    if op == "hash_extend":
        return await measure(request, fields.update({f"f{i}": ITEM for i in range(request["count"])}))
    if op == "queue_handover":
        return await measure_queue_latency(request, queue)
    if op == "lock_handover":
        return await measure_handovers(request, masters)
    raise ValueError(f"redis-purse has no {op}")


async def main(urls: list[str]) -> None:
    redis = Redis.from_url(urls[0], decode_responses=True)
    # Without a timeout, a stopped master would block the peer for ever.
    masters = [Redis.from_url(url, socket_timeout=0.2) for url in urls]
    for client in [redis, *masters]:
        await client.ping()
    loop = asyncio.get_running_loop()
    print('{"seconds": 0.0, "done": 0}', flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            response = await run(redis, masters, json.loads(line))
        except Exception as error:
            response = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(response), flush=True)


asyncio.run(main(sys.argv[1:]))
