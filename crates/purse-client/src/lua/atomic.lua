-- Runs several operations, each by one of the functions in `run`.
-- KEYS  the keys of all of them
-- ARGV  for each: which function, how many keys, how many arguments, the arguments
-- returns  for each: 1 and its reply, or 0 and its error
local results = {}
local key, arg = 0, 0
while arg < #ARGV do
    local which, keys, args = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2]), tonumber(ARGV[arg + 3])
    arg = arg + 3
    local own_keys, own_args = {}, {}
    for i = 1, keys do
        own_keys[i] = KEYS[key + i]
    end
    for i = 1, args do
        own_args[i] = ARGV[arg + i]
    end
    key, arg = key + keys, arg + args
    local ok, reply = pcall(run[which], own_keys, own_args)
    if ok and not (type(reply) == 'table' and reply.err) then
        results[#results + 1] = {1, reply}
    else
        results[#results + 1] = {0, type(reply) == 'table' and reply.err or tostring(reply)}
    end
end
return results
