-- Prefix of each script that reports which key holds another type.
-- Returns the key's string, false if it does not exist, or a table if it does not hold a string.
-- Any other error, for example a missing right, ends the script as a plain GET would.
local function get(key)
    local value = redis.pcall('GET', key)
    if type(value) == 'table' and not string.find(value.err, '^WRONGTYPE ') then
        return redis.call('GET', key)
    end
    return value
end

