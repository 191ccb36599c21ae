-- Raises the last id that is assigned, if it is lower.
-- KEYS[1]  the last id
-- ARGV[1]  the lowest number that it may be
-- returns  the last id
local last = redis.call('GET', KEYS[1]) or '0'
if last ~= '0' and not string.find(last, '^[1-9]%d*$') then
    return redis.error_reply('ERR the last id is not a number')
end
-- Lua's numbers have 53 bits, so the text is compared.
if #last > #ARGV[1] or (#last == #ARGV[1] and last >= ARGV[1]) then
    return last
end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return ARGV[1]
