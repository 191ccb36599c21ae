"""Adds to a number under a lock of pottery, which the Rust side of this test does as well."""

import sys
import threading
import time

from pottery import Redlock
from redis import Redis

TASKS = 3
ROUNDS = 10


def add(masters: list[Redis]) -> None:
    for _ in range(ROUNDS):
        lock = Redlock(key="contended", masters=set(masters), auto_release_time=20)
        assert lock.acquire(timeout=60)
        number = int(masters[0].get("number") or 0)
        time.sleep(0)
        masters[0].set("number", number + 1)
        lock.release()


masters = [Redis.from_url(url) for url in sys.argv[1:]]
threads = [threading.Thread(target=add, args=(masters,)) for _ in range(TASKS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
