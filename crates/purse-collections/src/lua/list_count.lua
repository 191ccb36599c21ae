-- Counts the elements of a list that equal a value.
-- KEYS[1]  the list
-- ARGV[1]  the value
-- returns  their number
local positions = redis.call('LPOS', KEYS[1], ARGV[1], 'COUNT', 0)
return positions and #positions or 0
