-- Removes old entries of an LRU map until it has no more than its capacity, 64 at most.
-- ARGV[1]  the capacity
-- ARGV[2]  a random number, to find entries without a number
-- returns  the number of entries that are removed
return evict(tonumber(ARGV[1]), ARGV[2])
