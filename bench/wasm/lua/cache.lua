-- A cache that replaces entries at random, as a server's does: much lives for long, and what is dropped lies between what
-- stays. Prints a checksum.

local size = tonumber(arg[1]) or 12

local state = 1
local function below(count)
  state = state ~ (state << 13) & 0xffffffff
  state = state ~ (state >> 17)
  state = state ~ (state << 5) & 0xffffffff
  return state % count
end

local capacity = 2 ^ size
local keys, entries = {}, {}
for slot = 1, capacity do keys[slot] = "key" .. slot end

local function answer(key, number)
  local lines = {}
  for line = 1, 1 + below(6) do lines[line] = key .. ":" .. ("x"):rep(below(200)) .. number end
  return { key = key, lines = lines, number = number }
end

local sum = 0
for request = 1, capacity * 12 do
  local key = keys[1 + below(capacity)]
  local entry = entries[key]
  if entry ~= nil and below(3) > 0 then
    sum = (sum + entry.number + #entry.lines) % 1000003
  else
    entries[key] = answer(key, request)
  end
end
print("cache", sum)
