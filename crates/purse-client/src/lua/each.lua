-- Reads one thing after the other, by the same command.
-- KEYS     the key of each; only one if all have the same and an argument
-- ARGV[1]  the command
-- ARGV[2…] the argument of each, if the command takes one
-- returns  the reply of each
local name, replies = ARGV[1], {}
if name == 'GET' then
    replies = redis.call('MGET', unpack(KEYS))
    for i, key in ipairs(KEYS) do
        -- MGET takes what is no string for what is not there.
        replies[i] = replies[i] or redis.call('GET', key)
    end
else
    for i = 2, #ARGV do
        local reply = redis.call(name, KEYS[i - 1] or KEYS[1], ARGV[i])
        -- A script gets a score as text.
        if name == 'ZSCORE' and reply then reply = { double = tonumber(reply) } end
        replies[i - 1] = reply
    end
end
return replies
