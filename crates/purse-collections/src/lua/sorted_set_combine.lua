-- Reads a union, an intersection or a difference of sorted sets.
-- KEYS     the sorted sets
-- ARGV[1]  the command: ZUNION, ZINTER or ZDIFF
-- ARGV[2…] its options
-- returns  the reply of the command
local call = {ARGV[1], #KEYS}
for _, key in ipairs(KEYS) do
    call[#call + 1] = key
end
for i = 2, #ARGV do
    call[#call + 1] = ARGV[i]
end
return redis.call(unpack(call))
