-- Adds to floats of a hash: to all of them, or to none. The server adds long doubles, which have a
-- wider range than the type.
-- KEYS[1]   the hash
-- ARGV[1]   the highest number of the type
-- ARGV[2]   the name of the type
-- ARGV[3…]  a field and its amount, again and again
-- returns   the sum of each of them, or an error after which nothing changed

-- Reads texts that HINCRBYFLOAT reads as well. Without the letters of hexadecimal numbers, infinity and
-- NaN, both read the same grammar.
local function read(text)
    if #text > 5000 or string.find(text, '[^%d.eE+-]') then
        return nil
    end
    local number = tonumber(text)
    -- The server may refuse a number that is too small even for its long doubles.
    if number == 0 and string.find(text, '^[^eE]*[1-9]') then
        return nil
    end
    return number
end

local highest = tonumber(ARGV[1])
local sums = {}
for i = 3, #ARGV, 2 do
    local field, by = ARGV[i], tonumber(ARGV[i + 1])
    local old, most = sums[field], highest * (1 - 2 ^ -40)
    -- A sum of several amounts is rounded here and not in the server, so it keeps a distance.
    if not old then
        old, most = read(redis.call('HGET', KEYS[1], field) or '0'), highest
    end
    if not old then
        return redis.error_reply('ERR hash value is not a float')
    end
    if math.abs(old) > highest or (old ~= 0 and by ~= 0 and math.abs(old + by) >= most) then
        return redis.error_reply('ERR a sum with ' .. ARGV[i + 1] .. ' is out of the range of ' .. ARGV[2])
    end
    sums[field] = old + by
end
local replies = {}
for i = 3, #ARGV, 2 do
    replies[#replies + 1] = redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1])
end
return replies
