-- Adds to a float of a hash, unless the sum is out of the range of its type. The server adds long
-- doubles, which have a wider range.
-- KEYS[1]  the hash
-- ARGV[1]  the field
-- ARGV[2]  the amount
-- ARGV[3]  the highest number of the type
-- ARGV[4]  the name of the type
-- returns  the sum, or an error after which nothing changed
local text = redis.call('HGET', KEYS[1], ARGV[1])
local old = text and tonumber(text)
if old and old ~= 0 then
    local by, highest = tonumber(ARGV[2]), tonumber(ARGV[3])
    -- A sum that is the highest number here may be more in the server's long doubles.
    if math.abs(old) > highest or (by ~= 0 and math.abs(old + by) >= highest) then
        return redis.error_reply('ERR the sum is out of the range of ' .. ARGV[4])
    end
end
-- What is no number is refused here.
return redis.call('HINCRBYFLOAT', KEYS[1], ARGV[1], ARGV[2])
