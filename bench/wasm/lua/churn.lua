-- Work that allocates much: trees, closures, strings, tables that grow, errors that are caught. Prints checksums only.

local size = tonumber(arg[1]) or 14

local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
  if node[1] == nil then return 1 end
  return 1 + count(node[1]) + count(node[2])
end

local function trees()
  local long = tree(size)
  local total = 0
  for depth = 4, size, 2 do
    for _ = 1, 2 ^ (size - depth + 4) do total = total + count(tree(depth)) end
  end
  return total + count(long)
end

local function strings()
  local words = {}
  for i = 1, 2 ^ size do words[i] = ("word%d"):format(i * 7919 % 10007) end
  local text = table.concat(words, " ")
  local counts, distinct = {}, 0
  for word in text:gmatch("%a+%d+") do
    if counts[word] == nil then distinct = distinct + 1 end
    counts[word] = (counts[word] or 0) + 1
  end
  local reversed = text:gsub("%d+", function(digits) return digits:reverse() end)
  return #text + distinct * 3 + #reversed
end

local function closures()
  local total = 0
  for i = 1, 2 ^ size do
    local makers = {}
    for k = 1, 8 do makers[k] = function(x) return x * k + i end end
    for k = 1, 8 do total = (total + makers[k](k)) % 1000003 end
  end
  return total
end

local function sorting()
  local values, state = {}, 1
  for i = 1, 2 ^ size do
    state = state * 1103515245 + 12345 & 0x7fffffff
    values[i] = { key = state, text = tostring(state) }
  end
  table.sort(values, function(a, b) return a.key < b.key end)
  local sum = 0
  for i, value in ipairs(values) do sum = (sum + i * value.key) % 1000003 end
  return sum
end

local function errors()
  local caught = 0
  for i = 1, 2000 do
    local ok, message = pcall(function()
      if i % 3 == 0 then error({ number = i }) end
      if i % 3 == 1 then error("number " .. i) end
    end)
    if not ok then caught = caught + (type(message) == "table" and message.number or #message) end
  end
  return caught
end

local function coroutines()
  local total = 0
  for i = 1, 2 ^ (size - 4) do
    local co = coroutine.wrap(function() for k = 1, 10 do coroutine.yield(k * i) end end)
    for _ = 1, 10 do total = total + co() end
  end
  return total
end

for _, part in ipairs({ { "trees", trees }, { "strings", strings }, { "closures", closures }, { "sorting", sorting },
                        { "errors", errors }, { "coroutines", coroutines } }) do
  print(part[1], part[2]())
  collectgarbage()
end
