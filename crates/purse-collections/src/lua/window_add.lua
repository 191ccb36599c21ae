-- Adds to the present bucket of a window counter, and removes the buckets that have left the window.
-- KEYS[1]  the hash: the field "scheme" says how wide and how many its buckets are; each other field is
--          the index of a bucket, and its value the count
-- ARGV[1]  the amount
-- ARGV[2]  the width of a bucket, in milliseconds
-- ARGV[3]  the number of buckets of the window
-- returns  1. After an error, nothing changed
local scheme = ARGV[2] .. ' ' .. ARGV[3]
local held = redis.call('HGET', KEYS[1], 'scheme')
if held ~= scheme and (held or redis.call('HLEN', KEYS[1]) > 0) then
    return redis.error_reply('ERR the key holds no window counter with this window and number of buckets')
end
local time = redis.call('TIME')
local width, buckets = tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = math.floor((time[1] * 1000 + time[2] / 1000) / width)
local indexes = redis.call('HKEYS', KEYS[1])
-- After a failover, the clock may be behind that of the last write: its bucket stays the present one.
local present = bucket
for _, index in ipairs(indexes) do
    index = tonumber(index)
    if index and index > present and index <= bucket + buckets then
        present = index
    end
end
-- A sum that is out of range is refused here, and so is a server that is full.
redis.call('HINCRBY', KEYS[1], string.format('%.0f', present), ARGV[1])
if not held then
    redis.call('HSET', KEYS[1], 'scheme', scheme)
end
for _, text in ipairs(indexes) do
    local index = tonumber(text)
    if index and (index < present - buckets or index > present) then
        redis.call('HDEL', KEYS[1], text)
    end
end
return redis.call('PEXPIRE', KEYS[1], string.format('%.0f', (buckets + 1) * width))
