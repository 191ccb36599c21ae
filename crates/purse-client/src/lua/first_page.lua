-- Reads the first page of a scan, and tells which process answers.
-- KEYS     the collection; none for the keys of the server
-- ARGV[1]  the command's name
-- ARGV[2…] its arguments after the key
-- returns  the process' run_id (empty where the user may not ask), the next cursor, the elements
local info = redis.pcall('INFO', 'server')
local process = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local call = {ARGV[1]}
for _, key in ipairs(KEYS) do
    call[#call + 1] = key
end
for i = 2, #ARGV do
    call[#call + 1] = ARGV[i]
end
local page = redis.call(unpack(call))
return {process, page[1], page[2]}
