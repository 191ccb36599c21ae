-- Adds to a float, unless the sum is out of the range of its type. The server adds long doubles,
-- which have a wider range.
-- KEYS[1]  the key
-- ARGV[1]  the amount
-- ARGV[2]  the highest number of the type
-- ARGV[3]  the name of the type
-- ARGV[4]  the time to live of a new key in milliseconds, or nothing
-- returns  the sum, or an error after which nothing changed
local text = redis.call('GET', KEYS[1])
if not text and ARGV[4] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
    return ARGV[1]
end
local old = text and tonumber(text)
if old and old ~= 0 then
    local by, highest = tonumber(ARGV[1]), tonumber(ARGV[2])
    -- A sum that is the highest number here may be more in the server's long doubles.
    if math.abs(old) > highest or (by ~= 0 and math.abs(old + by) >= highest) then
        return redis.error_reply('ERR the sum is out of the range of ' .. ARGV[3])
    end
end
-- What is no number is refused here.
return redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
