-- Requests for wrk: `draw PREFIX COUNT` draws from so many paths, `new TAG` asks for each path once.
-- They are formatted beforehand: wrk's own CPU time counts against what it can generate.
local requests, random = {}, math.random
local before, after, number = "", "", 0

local function draw(prefix, count)
  for i = 1, count do
    requests[i] = wrk.format("GET", prefix .. "/" .. i)
  end
  math.randomseed(os.time())
  request = function() return requests[random(count)] end
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
  if args[1] == "draw" then draw(args[2], tonumber(args[3])) else new(args[2]) end
end
