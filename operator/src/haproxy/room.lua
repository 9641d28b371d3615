-- The key of a room, by which it has its shard: its name as people read it, in lower case.
--
-- Clients write the name as it is, or as it stands in the room's address, which has it percent-encoded, and encode that
-- once more for the URL. So it is decoded for as long as there is something to decode; rooms whose names differ in nothing
-- else are on one shard. Letters beyond ASCII are taken as they come: Lua has none of the tables that it takes to lower and
-- to compose them (NFKC), and clients have done both; lib-jitsi-meet refuses a name with a capital of any script.
local PERCENT = string.byte("%")
local PLUS, BLANK = string.byte("+ ", 1, 2)

-- The byte whose two hexadecimal digits these are.
local function escaped(high, low)
    if high and low then
        local digits = string.char(high, low)
        return digits:match("^%x%x$") and tonumber(digits, 16)
    end
end

core.register_converters("room", function(written)
    local read, length = {}, 0
    for n = 1, #written do
        local byte = written:byte(n)
        length = length + 1
        read[length] = byte == PLUS and BLANK or byte
        -- What an escape gives may be the end of another one. Each removes two bytes, so the work is bounded by the length.
        while read[length - 2] == PERCENT do
            local meant = escaped(read[length - 1], read[length])
            if not meant then
                break
            end
            length = length - 2
            read[length] = meant
        end
    end
    local pieces = {}
    for from = 1, length, 4096 do
        pieces[#pieces + 1] = string.char(table.unpack(read, from, math.min(from + 4095, length)))
    end
    return table.concat(pieces):lower()
end)
