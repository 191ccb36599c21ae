-- What comes before each script that says which key holds another type.
-- Returns the key's string, false if it does not exist, or a table if it holds no string. Any other
-- error, as of rights, ends the script as it would have without this.
local function get(key)
    local value = redis.pcall('GET', key)
    if type(value) == 'table' and not string.find(value.err, '^WRONGTYPE ') then
        return redis.call('GET', key)
    end
    return value
end

