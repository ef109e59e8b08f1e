-- Requests for wrk: `many` draws from 10,000 paths, `new TAG` asks for each path once.
-- They are formatted beforehand: wrk's own CPU time counts against what it can generate.
local requests, random = {}, math.random
local before, after, number = "", "", 0

local function many()
  for i = 1, 10000 do
    requests[i] = wrk.format("GET", "/many/" .. i)
  end
  math.randomseed(os.time())
  request = function() return requests[random(10000)] end
end

local function new(tag)
  local whole = wrk.format("GET", "/new/" .. tag .. "/NUMBER")
  local first, last = string.find(whole, "NUMBER", 1, true)
  before, after = string.sub(whole, 1, first - 1), string.sub(whole, last + 1)
  request = function()
    number = number + 1
    return before .. number .. after
  end
end

function init(args)
  if args[1] == "many" then many() else new(args[2]) end
end
