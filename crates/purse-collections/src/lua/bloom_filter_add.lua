-- Adds elements to a Bloom filter: all of them, or none.
-- KEYS, ARGV[1], ARGV[2]  those of `bloom_filter_layers.lua`, which is the first part of this script
-- ARGV[3]   the time to live that the filter gets in milliseconds, or 0 to leave it as it is
-- ARGV[4…]  the hashes of each element, 6 bytes each
-- returns   the number of elements, and 1 for each new element or else 0
local is_new, seen, new = {}, {}, 0
for i = 4, #ARGV do
    is_new[i] = not seen[ARGV[i]] and not contains(ARGV[i])
    seen[ARGV[i]] = true
    new = new + (is_new[i] and 1 or 0)
end
if count + new > most then
    return redis.error_reply(string.format(
        'ERR the Bloom filter is full: it has %.0f of %.0f elements, and %.0f more do not fit',
        count, most, new))
end
while limit < count + new do
    add_layer()
end
if new > 0 and redis.call('STRLEN', KEYS[1]) * 8 < stop then
    -- The layers get their memory here, so that nothing changes if there is not enough.
    redis.call('SETBIT', KEYS[1], stop - 1, 0)
end
if new > 0 and head == '' then
    redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
end
local answers, layer = {0}, 1
for i = 4, #ARGV do
    local is_added = false
    if is_new[i] then
        while layers[layer].limit <= count do
            layer = layer + 1
        end
        is_added = not touch(layers[layer], ARGV[i], true)
    end
    count = count + (is_added and 1 or 0)
    answers[i - 2] = is_added and 1 or 0
end
if new > 0 then
    redis.call('BITFIELD', KEYS[1], 'SET', 'u32', 224, count)
end
if tonumber(ARGV[3]) > 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
answers[1] = count
return answers
