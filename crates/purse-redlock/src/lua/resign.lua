-- What comes before the release of a lock with a record beside it: the record goes first, if it is
-- ours, and leaves KEYS and ARGV as the release wants them.
-- KEYS: the lock's key, then the record's
-- ARGV[1]: our token
-- ARGV[2]: the record
local record = table.remove(KEYS)
if get(record) == ARGV[2] then
    redis.call('DEL', record)
end

