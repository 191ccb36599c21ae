-- Compares the decimal text of integers, because Lua's numbers have 53 bits. It stands before the
-- scripts that use it.
local function is_less(a, b)
    local is_a_negative, is_b_negative = string.sub(a, 1, 1) == '-', string.sub(b, 1, 1) == '-'
    if is_a_negative ~= is_b_negative then
        return is_a_negative
    end
    if is_a_negative then
        a, b = b, a
    end
    return #a < #b or (#a == #b and a < b)
end

