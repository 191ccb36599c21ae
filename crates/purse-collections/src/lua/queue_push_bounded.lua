-- Adds an element to a list that has fewer elements than a bound.
-- KEYS[1]  the list
-- ARGV[1]  the bound
-- ARGV[2]  LPUSH or RPUSH
-- ARGV[3]  the element
-- returns  the new length, or nil if the list is full
-- Complexity: O(1).
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[1]) then
    return false
end
return redis.call(ARGV[2], KEYS[1], ARGV[3])
