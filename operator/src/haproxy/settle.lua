-- A new process holds its callers back until it knows what its predecessor knew: which room is where, and which shard is
-- well. Rooms come in a burst, so they are all there when there are some and no more come; where there are none, it waits
-- for as long as a predecessor might need.
local LEAST, QUIET, MOST = 1.0, 0.3, 3.0
local settled = false

local function clock()
    local now = core.now()
    return now.sec + now.usec / 1000000
end

core.register_task(function()
    local rooms = core.backends["rooms"].stktable
    local start = clock()
    local count, since, now = 0, start, start
    repeat
        core.msleep(50)
        now = clock()
        local used = rooms:info().used
        if used ~= count then
            count, since = used, now
        end
    until now - start >= MOST or (now - start >= LEAST and count > 0 and now - since >= QUIET)
    settled = true
end)

core.register_action("settle", { "http-req" }, function(txn)
    while not settled do
        core.msleep(20)
    end
    txn:set_var("proc.settled", true)
end, 0)
