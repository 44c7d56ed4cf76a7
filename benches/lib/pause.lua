-- For wrk: each connection waits so many milliseconds before a request (`wrk ... URL -- MILLISECONDS`).
function init(args)
  pause = tonumber(args[1])
end

function delay()
  return pause
end
