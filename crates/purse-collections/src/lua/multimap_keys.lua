-- Returns a page of the keys of a multimap. From each key it jumps over its entries to the next one.
-- KEYS[1]  the sorted set
-- ARGV[1]  the lower bound of the first key, for ZRANGEBYLEX
-- ARGV[2]  the most keys to return
-- returns  {the lower bound of the next page, or an empty text at the end; for each key the text before
--          the values of its entries, or an element that is not an entry}
local from, keys = ARGV[1], {}
while #keys < tonumber(ARGV[2]) do
    local element = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, 1)[1]
    if not element then
        return {'', keys}
    end
    local digits, start = string.match(element, '^(%d+):()')
    local stop = digits and #digits < 10 and start + digits
    if stop and string.sub(element, stop, stop) == ':' then
        keys[#keys + 1] = string.sub(element, 1, stop)
        -- The byte after a colon: it is greater than all entries of the key.
        from = '[' .. string.sub(element, 1, stop - 1) .. ';'
    else
        keys[#keys + 1] = element
        from = '(' .. element
    end
end
return {from, keys}
