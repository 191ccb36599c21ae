-- The first part of each script of a Bloom filter: it reads the head of the filter, and refuses any
-- other value. `bits/bloom_filter/scheme.rs` describes the layout.
-- KEYS[1]  the filter, a string
-- ARGV[1]  the scheme, which is the first 20 bytes of the filter
-- ARGV[2]  the number of elements that all layers hold
local function number(text, at)
    local a, b, c, d = string.byte(text, at, at + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end

local head = redis.call('GETRANGE', KEYS[1], 0, 31)
if head ~= '' and (#head < 32 or string.sub(head, 1, 12) ~= string.sub(ARGV[1], 1, 12)) then
    return redis.error_reply('WRONGTYPE the key holds a string that is not a Bloom filter of this scheme')
end
if head ~= '' and string.sub(head, 1, 20) ~= ARGV[1] then
    local scheme = 'a capacity of %.0f and %.0f hashes'
    return redis.error_reply('WRONGTYPE the key holds a Bloom filter with '
        .. string.format(scheme, number(head, 13), number(head, 17)) .. ', not one with '
        .. string.format(scheme, number(ARGV[1], 13), number(ARGV[1], 17)))
end
local count = head == '' and 0 or number(head, 29)
local most = tonumber(ARGV[2])

-- The layers that hold elements, and the one for the next element. `limit` and `stop` are the number
-- of elements and of bits of all of them.
local layers, limit, stop = {}, 0, 256
local size, hashes = number(ARGV[1], 13), number(ARGV[1], 17)
local function add_layer()
    local bits = math.ceil(size * hashes * 13 / 9)
    layers[#layers + 1] = {start = stop, bits = bits, hashes = hashes, limit = limit + size}
    limit, stop = limit + size, stop + bits
    size, hashes = size * 2, hashes + 1
end
repeat
    add_layer()
until limit > count or limit >= most

-- Reads the bits of an element in a layer, or sets them, and returns whether all of them were set.
local function touch(layer, words, is_set)
    local call = {is_set and 'BITFIELD' or 'BITFIELD_RO', KEYS[1]}
    for i = 1, 6 * layer.hashes, 6 do
        local a, b, c, d, e, f = string.byte(words, i, i + 5)
        local word = ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
        call[#call + 1] = is_set and 'SET' or 'GET'
        call[#call + 1] = 'u1'
        call[#call + 1] = layer.start + math.fmod(word, layer.bits)
        if is_set then
            call[#call + 1] = 1
        end
    end
    for _, bit in ipairs(redis.call(unpack(call))) do
        if bit == 0 then
            return false
        end
    end
    return true
end

-- The last layer is the largest.
local function contains(words)
    for i = #layers, 1, -1 do
        if touch(layers[i], words, false) then
            return true
        end
    end
    return false
end
