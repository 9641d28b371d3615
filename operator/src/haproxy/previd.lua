-- The shard that a resumed session's id names, as far as a caller may choose: ids can be made up. It is one that takes new
-- rooms, and only while sessions from before this process began may still wait to be resumed. Later the table of rooms knows
-- where everybody is.
local WAIT = 60
local began = os.time()

core.register_converters("shard_of_previd", function(previd)
    local name = previd:match("^([^_]+)_")
    local server = name and core.backends["signalling"].servers[name]
    if not server or os.time() - began > WAIT then
        return ""
    end
    local now = server:get_stats()
    return now.status:match("^UP") and now.weight > 0 and name or ""
end)
