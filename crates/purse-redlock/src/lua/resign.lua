-- Prefix of the release of a lock with an election record. Deletes the record if it is ours, and
-- leaves KEYS and ARGV as release.lua expects them. Complexity: O(1).
-- KEYS: the lock's key, then the record's key
-- ARGV[1]: our token
-- ARGV[2]: the record
local record = table.remove(KEYS)
if get(record) == ARGV[2] then
    redis.call('DEL', record)
end

