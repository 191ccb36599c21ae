-- Moves an element from one end of a list to one end of a list.
-- KEYS[1]  the list to take it from
-- KEYS[2]  the list to add it to, which may be the same
-- ARGV[1]  the end to take it from, LEFT or RIGHT
-- ARGV[2]  the end to add it to, LEFT or RIGHT
-- returns  the element, or nil if the first list is empty
local moved = redis.pcall('LMOVE', KEYS[1], KEYS[2], ARGV[1], ARGV[2])
local is_unknown = type(moved) == 'table' and string.find(moved.err, 'Unknown .-command called from')
if not is_unknown then
    return moved
end
-- Before Redis 6.2. A list that cannot be added to is refused before anything changes.
if redis.call('LLEN', KEYS[1]) == 0 then
    return false
end
redis.call('LLEN', KEYS[2])
local pop = {LEFT = 'LPOP', RIGHT = 'RPOP'}
local push = {LEFT = 'LPUSH', RIGHT = 'RPUSH'}
local element = redis.call(pop[ARGV[1]], KEYS[1])
local pushed = redis.pcall(push[ARGV[2]], KEYS[2], element)
if type(pushed) == 'table' then
    -- It is refused to this user: the element goes back.
    redis.call(push[ARGV[1]], KEYS[1], element)
    return pushed
end
return element
