-- Takes the last element of a list out.
-- KEYS[1]  the list
-- returns  the key and the element, as BRPOP does, or nil
local element = redis.call('RPOP', KEYS[1])
return element and {KEYS[1], element}
