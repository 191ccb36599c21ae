"""Writes with pottery what the Rust side of this test reads."""

import sys

from pottery import RedisCounter, RedisDeque, RedisDict, RedisList, RedisSet, RedisSimpleQueue
from redis import Redis

PLANT = {"name": "carrot", "healthiness": 5.0, "tasty": False}

redis = Redis.from_url(sys.argv[1])
RedisList(["a", "ä€😀", "", '"quoted"', "null", "12"], redis=redis, key="py:texts")
RedisList([PLANT], redis=redis, key="py:plants")
RedisDeque([1, 2, 3], redis=redis, key="py:deque")
RedisDict({"carrot": PLANT, "7": PLANT}, redis=redis, key="py:dict")
RedisDict({7: "seven"}, redis=redis, key="py:numbers")
RedisSet({"a", "12", "ä"}, redis=redis, key="py:set")
RedisCounter({"a": 3, "b": -1}, redis=redis, key="py:counter")
RedisSimpleQueue(redis=redis, key="py:queue").put("a")
