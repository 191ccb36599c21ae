"""The peer pottery: reads requests, and writes responses, a line of JSON each."""

import sys

# This file has the name of the package that it imports.
sys.path.pop(0)

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from pottery import RedisDict, RedisList, RedisSet, RedisSimpleQueue, Redlock
from redis import Redis

ITEM = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM" * 2
STREAM_SECONDS = 1.0

Act = Callable[[int], Any]


def run_tasks(request: dict, act: Act) -> dict:
    """Runs the operations in threads, because pottery blocks."""
    each = max(request["count"] // request["tasks"], 1)

    def task(number: int) -> None:
        for index in range(each):
            act(number * each + index)

    with ThreadPoolExecutor(request["tasks"]) as pool:
        started = time.perf_counter()
        list(pool.map(task, range(request["tasks"])))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": each * request["tasks"]}


def iterate(request: dict, elements: Any) -> dict:
    done, started = 0, time.perf_counter()
    for _ in elements:
        done += 1
        if done == request["count"] or time.perf_counter() - started > STREAM_SECONDS:
            break
    return {"seconds": time.perf_counter() - started, "done": done}


def measure_handovers(request: dict, masters: list[Redis]) -> dict:
    """A task that released the lock waits until another holds it: see src/load/handover.rs."""
    samples: list[float] = []
    released: list[float] = []
    acquired = threading.Condition()
    holders = 0

    def task(_: int) -> None:
        nonlocal holders
        while holders <= request["count"]:
            lock = Redlock(key=request["key"], masters=set(masters))
            assert lock.acquire()
            with acquired:
                if released and holders <= request["count"]:
                    samples.append(time.perf_counter() - released.pop())
                holders = turn = holders + 1
                acquired.notify_all()
            time.sleep(0.001)
            released[:] = [time.perf_counter()]
            lock.release()
            with acquired:
                acquired.wait_for(lambda: holders > min(turn, request["count"]))

    started = time.perf_counter()
    with ThreadPoolExecutor(request["tasks"]) as pool:
        list(pool.map(task, range(request["tasks"])))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": request["count"], "samples": samples}


def measure(request: dict, work: Callable[[], Any]) -> dict:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "done": request["count"]}


def preload_hash(redis: Redis, key: str, count: int) -> str:
    """Fills a hash as pottery does, with fields in JSON too, and returns its key."""
    key = f"{key}:pottery"
    if not redis.exists(key):
        for first in range(0, count, 1000):
            fields = range(first, min(first + 1000, count))
            redis.hset(key, mapping={json.dumps(f"f{i}"): json.dumps(ITEM) for i in fields})
    return key


def run(redis: Redis, masters: list[Redis], request: dict) -> dict:
    op, key = request["op"], request["key"]
    if op == "lock":

        def lock(index: int) -> None:
            held = Redlock(key=f"{key}:{index}", masters=set(masters))
            assert held.acquire()
            held.release()

        return run_tasks(request, lock)
    if op == "lock_handover":
        return measure_handovers(request, masters)
    if op.startswith("list"):
        items = RedisList(redis=redis, key=key)
        if op == "list_append":
            return run_tasks(request, lambda _: items.append(ITEM))
        if op == "list_get":
            return run_tasks(request, lambda _: items[0])
        if op == "list_extend":
            return measure(request, lambda: items.extend([ITEM] * request["count"]))
        return iterate(request, items)
    if op.startswith("hash"):
        size = 100_000 if op == "hash_iterate" else 1000
        extends = op == "hash_extend"
        fields = RedisDict(redis=redis, key=key if extends else preload_hash(redis, key, size))
        if op == "hash_set":
            return run_tasks(request, lambda index: fields.__setitem__(f"f{index % 1000}", ITEM))
        if op == "hash_get":
            return run_tasks(request, lambda index: fields[f"f{index % 1000}"])
        if op == "hash_extend":
            entries = {f"f{index}": ITEM for index in range(request["count"])}
            return measure(request, lambda: fields.update(entries))
        return iterate(request, fields.items())
    if op == "set_iterate":
        return iterate(request, RedisSet(redis=redis, key=key))
    if op == "queue_throughput":
        queue = RedisSimpleQueue(redis=redis, key=f"{key}:pottery")
        for _ in range(request["count"]):
            queue.put(ITEM)
        return run_tasks(request, lambda _: queue.get())
    raise ValueError(f"pottery has no {op}")


redis = Redis.from_url(sys.argv[1])
masters = [Redis.from_url(url, socket_timeout=0.2) for url in sys.argv[1:]]
for client in [redis, *masters]:
    client.ping()
print('{"seconds": 0.0, "done": 0}', flush=True)
for line in sys.stdin:
    try:
        response = run(redis, masters, json.loads(line))
    except Exception as error:
        response = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(response), flush=True)
