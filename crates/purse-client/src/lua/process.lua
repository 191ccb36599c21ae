-- Tells which process answers.
-- KEYS     what it has to have, if anything
-- returns  its run_id; empty where the user may not ask
local info = redis.pcall('INFO', 'server')
return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
