-- Adds to integers of a hash: to all of them, or to none.
-- KEYS[1]   the hash
-- ARGV[1]   the lowest number of the type
-- ARGV[2]   the highest one
-- ARGV[3]   the name of the type
-- ARGV[4…]  a field and its amount, again and again
-- returns   the sum of each of them, or an error after which nothing changed

-- Lua's numbers have 53 bits. A number of 64 bits is therefore two numbers, high * 10^9 + low, where
-- low is from 0 to 10^9 - 1.
local function normalize(high, low)
    local carry = math.floor(low / 1e9)
    return {high + carry, low - carry * 1e9}
end
local function add(a, b)
    return normalize(a[1] + b[1], a[2] + b[2])
end
local function is_less(a, b)
    return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
end
-- Reads the texts that HINCRBY reads, and no others.
local function read(text)
    local sign, digits = string.match(text, '^(-?)([1-9]%d*)$')
    if text == '0' then
        sign, digits = '', '0'
    end
    if not digits or #digits > 19 then
        return nil
    end
    local high, low = tonumber(string.sub(digits, 1, -10)) or 0, tonumber(string.sub(digits, -9))
    if sign == '-' then
        high, low = -high, -low
    end
    return normalize(high, low)
end

local lowest, highest = read(ARGV[1]), read(ARGV[2])
local function is_in_range(number)
    return not is_less(number, lowest) and not is_less(highest, number)
end
local sums = {}
for i = 4, #ARGV, 2 do
    local field = ARGV[i]
    local old = sums[field] or read(redis.call('HGET', KEYS[1], field) or '0')
    if not old then
        return redis.error_reply('ERR hash value is not an integer')
    end
    local sum = add(old, read(ARGV[i + 1]))
    if not is_in_range(old) or not is_in_range(sum) then
        return redis.error_reply('ERR a sum with ' .. ARGV[i + 1] .. ' is out of the range of ' .. ARGV[3])
    end
    sums[field] = sum
end
local replies = {}
for i = 4, #ARGV, 2 do
    local sum = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
    if math.abs(sum) >= 2 ^ 53 then
        sum = redis.call('HGET', KEYS[1], ARGV[i])
    end
    replies[#replies + 1] = sum
end
return replies
