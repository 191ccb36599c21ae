-- Looks for elements in a Bloom filter.
-- KEYS, ARGV[1], ARGV[2]  those of `bloom_filter_layers.lua`, which is the first part of this script
-- ARGV[3…]  the hashes of each element, 6 bytes each
-- returns   the number of elements, and 1 for each element that may be in the filter or else 0
local answers = {count}
for i = 3, #ARGV do
    answers[i - 1] = contains(ARGV[i]) and 1 or 0
end
return answers
