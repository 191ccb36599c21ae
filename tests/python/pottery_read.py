"""Reads with pottery what the Rust side of this test wrote."""

import sys

from pottery import RedisCounter, RedisDeque, RedisDict, RedisList, RedisSet
from redis import Redis

PLANT = {"name": "carrot", "healthiness": 5.0, "tasty": False}

redis = Redis.from_url(sys.argv[1])
texts = RedisList(redis=redis, key="rs:texts")
assert texts.to_list() == ["a", "ä€😀", "", '"quoted"', "null", "12"], texts.to_list()
assert RedisList(redis=redis, key="rs:plants")[0] == PLANT
deque = RedisDeque(redis=redis, key="rs:deque")
assert (deque.popleft(), deque.pop(), len(deque)) == (1, 3, 1)
plants = RedisDict(redis=redis, key="rs:dict")
assert plants["carrot"] == PLANT and "7" in plants and 7 not in plants
assert RedisDict(redis=redis, key="rs:numbers")[7] == "seven"
letters = RedisSet(redis=redis, key="rs:set")
assert set(letters) == {"a", "12", "ä"}
assert "a" in letters and "12" in letters and 12 not in letters
# Python escapes what is not ASCII, and looks for that.
assert "ä" not in letters
counter = RedisCounter(redis=redis, key="rs:counter")
assert (counter["a"], counter["b"], counter["none"]) == (3, -1, 0)
counter["a"] += 2
assert counter.most_common(1) == [("a", 5)]
