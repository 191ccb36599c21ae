-- Runs one command.
-- KEYS     the command's keys
-- ARGV[1]  the command's name
-- ARGV[2…] its arguments
-- returns  its reply
local call = {ARGV[1]}
for _, key in ipairs(KEYS) do
    call[#call + 1] = key
end
for i = 2, #ARGV do
    call[#call + 1] = ARGV[i]
end
return redis.call(unpack(call))
