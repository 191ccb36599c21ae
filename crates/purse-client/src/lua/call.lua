-- Runs one command.
-- KEYS     the command's keys
-- ARGV[1]  the command's name, with that of the subcommand after a space
-- ARGV[2…] its arguments
-- returns  its reply
local call = {}
for name in string.gmatch(ARGV[1], '[^ ]+') do
    call[#call + 1] = name
end
for _, key in ipairs(KEYS) do
    call[#call + 1] = key
end
for i = 2, #ARGV do
    call[#call + 1] = ARGV[i]
end
local reply = redis.call(unpack(call))
-- A number of Lua's has 53 bits: what may have had more is read as text.
if type(reply) == 'number' and math.abs(reply) >= 2 ^ 53 then
    local name = string.upper(ARGV[1])
    if name == 'HINCRBY' then
        return redis.call('HGET', KEYS[1], ARGV[2])
    elseif name == 'INCR' or name == 'INCRBY' or name == 'DECR' or name == 'DECRBY' then
        return redis.call('GET', KEYS[1])
    end
end
return reply
