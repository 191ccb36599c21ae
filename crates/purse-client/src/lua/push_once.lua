-- Adds an element to the back of a list; done again, it does nothing.
-- KEYS[1]  the list
-- KEYS[2]  the mark that it was done
-- ARGV[1]  the element
-- ARGV[2]  how long the mark stays, in milliseconds
-- returns  1 if it was added, 0 if it had been before
if redis.call('EXISTS', KEYS[2]) == 1 then
    return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
return 1
