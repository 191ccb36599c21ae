"""Drives pottery: reads orders, writes answers, a line of JSON each."""

import sys

# This file has the name of what it imports.
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


def spread(order: dict, act: Act) -> dict:
    """By threads, since that is how pottery is used."""
    each = max(order["count"] // order["tasks"], 1)

    def task(number: int) -> None:
        for index in range(each):
            act(number * each + index)

    with ThreadPoolExecutor(order["tasks"]) as pool:
        started = time.perf_counter()
        list(pool.map(task, range(order["tasks"])))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": each * order["tasks"]}


def iterate(order: dict, elements: Any) -> dict:
    done, started = 0, time.perf_counter()
    for _ in elements:
        done += 1
        if done == order["count"] or time.perf_counter() - started > STREAM_SECONDS:
            break
    return {"seconds": time.perf_counter() - started, "done": done}


def handover(order: dict, masters: list[Redis]) -> dict:
    """Who released it asks again only when another has it, as in src/handover.rs."""
    samples: list[float] = []
    released: list[float] = []
    taken = threading.Condition()
    holders = 0

    def task(_: int) -> None:
        nonlocal holders
        while holders <= order["count"]:
            lock = Redlock(key=order["key"], masters=set(masters))
            assert lock.acquire()
            with taken:
                if released and holders <= order["count"]:
                    samples.append(time.perf_counter() - released.pop())
                holders = turn = holders + 1
                taken.notify_all()
            time.sleep(0.001)
            released[:] = [time.perf_counter()]
            lock.release()
            with taken:
                taken.wait_for(lambda: holders > min(turn, order["count"]))

    started = time.perf_counter()
    with ThreadPoolExecutor(order["tasks"]) as pool:
        list(pool.map(task, range(order["tasks"])))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "done": order["count"], "samples": samples}


def timed(order: dict, work: Callable[[], Any]) -> dict:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "done": order["count"]}


def own(redis: Redis, key: str, count: int) -> str:
    """A hash as pottery writes it, whose fields are JSON too."""
    key = f"{key}:pottery"
    if not redis.exists(key):
        for first in range(0, count, 1000):
            fields = range(first, min(first + 1000, count))
            redis.hset(key, mapping={json.dumps(f"f{i}"): json.dumps(ITEM) for i in fields})
    return key


def run(redis: Redis, masters: list[Redis], order: dict) -> dict:
    op, key = order["op"], order["key"]
    if op == "lock":

        def lock(index: int) -> None:
            held = Redlock(key=f"{key}:{index}", masters=set(masters))
            assert held.acquire()
            held.release()

        return spread(order, lock)
    if op == "lock_handover":
        return handover(order, masters)
    if op.startswith("list"):
        items = RedisList(redis=redis, key=key)
        if op == "list_append":
            return spread(order, lambda _: items.append(ITEM))
        if op == "list_get":
            return spread(order, lambda _: items[0])
        if op == "list_extend":
            return timed(order, lambda: items.extend([ITEM] * order["count"]))
        return iterate(order, items)
    if op.startswith("hash"):
        filled = 100_000 if op == "hash_iterate" else 1000
        extends = op == "hash_extend"
        fields = RedisDict(redis=redis, key=key if extends else own(redis, key, filled))
        if op == "hash_set":
            return spread(order, lambda index: fields.__setitem__(f"f{index % 1000}", ITEM))
        if op == "hash_get":
            return spread(order, lambda index: fields[f"f{index % 1000}"])
        if op == "hash_extend":
            entries = {f"f{index}": ITEM for index in range(order["count"])}
            return timed(order, lambda: fields.update(entries))
        return iterate(order, fields.items())
    if op == "set_iterate":
        return iterate(order, RedisSet(redis=redis, key=key))
    if op == "queue_throughput":
        queue = RedisSimpleQueue(redis=redis, key=f"{key}:pottery")
        for _ in range(order["count"]):
            queue.put(ITEM)
        return spread(order, lambda _: queue.get())
    raise ValueError(f"pottery has no {op}")


redis = Redis.from_url(sys.argv[1])
masters = [Redis.from_url(url, socket_timeout=0.2) for url in sys.argv[1:]]
for client in [redis, *masters]:
    client.ping()
print('{"seconds": 0.0, "done": 0}', flush=True)
for line in sys.stdin:
    try:
        answer = run(redis, masters, json.loads(line))
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
