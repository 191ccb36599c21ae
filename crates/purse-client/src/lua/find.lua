-- Finds an element in a list, or in the pending lists of its consumers.
-- KEYS[1]  the list
-- KEYS[2]  the consumers, as in exchange.lua
-- KEYS[3] and so on: the pending lists
-- ARGV[1]  the element
-- ARGV[2] and so on: the ids of the consumers, in the order of their pending lists
-- returns  the number of the key that has it, 0 if none has, -1 if there are other consumers
-- Complexity: O(n) for n elements in all.
if redis.call('HLEN', KEYS[2]) ~= #ARGV - 1 then
    return -1
end
for i = 2, #ARGV do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then
        return -1
    end
end
for i, key in ipairs(KEYS) do
    if i ~= 2 and redis.call('LPOS', key, ARGV[1]) then
        return i
    end
end
return 0
