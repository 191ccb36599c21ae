-- Adds to a float, unless the sum is out of the range of its type. The server adds long doubles, which
-- have a wider range. Asked again with the same receipt, it answers the same.
-- KEYS[1]  the counter
-- KEYS[2]  the receipt: the sum; "refused"; or nothing, if the run failed. Without a receipt, the script
--          must not run twice
-- ARGV[1]  the amount
-- ARGV[2]  the highest number of the type
-- ARGV[3]  how long the receipt stays, in milliseconds
-- ARGV[4]  1 if it was asked before, and that request may still run
-- returns  the sum; nil if it was refused. After an error, nothing changed
if KEYS[2] then
    local answer = redis.call('GET', KEYS[2])
    if answer and answer ~= '' then
        return answer ~= 'refused' and answer
    end
end
local text = redis.call('GET', KEYS[1])
local old = text and tonumber(text)
if old and old ~= 0 then
    local by, highest = tonumber(ARGV[1]), tonumber(ARGV[2])
    -- A sum that is the highest number here may be more in the server's long doubles.
    if math.abs(old) > highest or (by ~= 0 and math.abs(old + by) >= highest) then
        if ARGV[4] == '1' then
            redis.call('SET', KEYS[2], 'refused', 'PX', ARGV[3])
        end
        return false
    end
end
if KEYS[2] then
    -- A server that is full, and a user who may not write receipts, are refused here.
    redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
end
-- What is no number is refused here.
local sum = redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
if KEYS[2] then
    redis.call('SET', KEYS[2], sum, 'PX', ARGV[3])
end
return sum
