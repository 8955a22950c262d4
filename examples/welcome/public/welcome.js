const byId = id => document.getElementById(id)
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

// The clock: each lap is one response, read line by line while the server still writes it.

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ""
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    const parts = (rest + value).split("\n")
    rest = parts.pop()
    yield* parts
  }
}

async function lap() {
  const response = await fetch("/clock")
  if (!response.ok) throw new Error(`status ${response.status}`)
  for await (const line of lines(response)) show(JSON.parse(line))
}

async function run() {
  for (;;) {
    try {
      await lap()
    } catch {
      byId("clock").dataset.state = "waiting"
      byId("status").textContent = "the server has stopped; asking again …"
      await pause(1000)
    }
  }
}

let ticks = 0

function show(tick) {
  const [time, fraction] = tick.time.split(".")
  const small = document.createElement("small")
  small.textContent = `.${fraction}`
  byId("clock").replaceChildren(time, small)
  byId("clock").dataset.state = "ticking"
  ticks += 1
  byId("status").textContent = `${ticks} ticks streamed to this page`
  for (const cell of document.querySelectorAll("[data-counter]")) {
    cell.textContent = readable(cell.dataset.counter, tick[cell.dataset.counter])
  }
  pulse()
}

function readable(name, value) {
  if (value === null || value === undefined) return "–"
  if (name === "memory") return `${(value / 1048576).toFixed(1)} MB`
  if (name === "uptime") return value < 120 ? `${value} s` : `${Math.round(value / 60)} min`
  return value.toLocaleString("en")
}

// The pulse: how regularly the ticks arrive.

const gaps = []
let lastArrival

function pulse() {
  const now = performance.now()
  if (lastArrival) gaps.push(now - lastArrival)
  lastArrival = now
  if (gaps.length > 100) gaps.shift()
  const height = gap => 46 - Math.min(gap / 400, 1) * 44
  const points = gaps.map((gap, index) => `${(index * 600 / 99).toFixed(1)},${height(gap).toFixed(1)}`)
  byId("pulse").firstElementChild.setAttribute("points", points.join(" "))
}

// The burst.

async function timed() {
  const start = performance.now()
  const response = await fetch("/ping")
  await response.text()
  return performance.now() - start
}

byId("burst").addEventListener("click", async event => {
  event.target.disabled = true
  const result = byId("burst-result")
  result.dataset.state = ""
  try {
    const start = performance.now()
    const waiting = Array.from({ length: 200 }, timed)
    const times = (await Promise.all(waiting)).sort((a, b) => a - b)
    const total = performance.now() - start
    const rate = (200000 / total).toFixed(0)
    result.textContent = `200 answers in ${total.toFixed(0)} ms, ${rate} a second as this browser asks.`
    draw(times)
  } catch {
    result.dataset.state = "bad"
    result.textContent = "Not all of them were answered."
  }
  event.target.disabled = false
})

function draw(times) {
  const bars = times.filter((_, index) => index % 4 === 0).map(time => {
    const bar = document.createElement("i")
    bar.style.height = `${time * 100 / times.at(-1)}%`
    return bar
  })
  byId("bars").replaceChildren(...bars)
}

// The echo.

async function echo(content) {
  const result = byId("echo-result")
  const sent = new Uint8Array(await content.arrayBuffer())
  try {
    const start = performance.now()
    const response = await fetch("/echo", { method: "POST", body: content })
    const received = new Uint8Array(await response.arrayBuffer())
    const same = sent.length === received.length && sent.every((byte, index) => byte === received[index])
    result.dataset.state = same ? "" : "bad"
    result.textContent = `${received.length.toLocaleString("en")} bytes came back ` +
      `${same ? "unchanged" : "CHANGED"} after ${(performance.now() - start).toFixed(0)} ms; ` +
      `the app read them from a ${response.headers.get("x-input")}.`
  } catch {
    result.dataset.state = "bad"
    result.textContent = "The upload did not come back."
  }
}

byId("echo").addEventListener("submit", event => {
  event.preventDefault()
  echo(new Blob([event.target.elements.text.value]))
})
byId("echo").elements.file.addEventListener("change", event => {
  if (event.target.files[0]) echo(event.target.files[0])
})

// The live part: a WebSocket that comes back when the server does.

let live

function talk() {
  live = new WebSocket(`${location.origin.replace("http", "ws")}/live`)
  live.onmessage = event => hear(JSON.parse(event.data))
  live.onclose = () => {
    byId("live-count").textContent = "The server is away."
    setTimeout(talk, 500)
  }
}

function hear(news) {
  if (news.pages) byId("live-count").textContent = news.pages === 1 ? "1 page is open." : `${news.pages} pages are open.`
  if (news.says === undefined) return
  const item = document.createElement("li")
  item.textContent = news.says
  byId("live-log").prepend(item)
}

byId("live").querySelector("form").addEventListener("submit", event => {
  event.preventDefault()
  const input = event.target.elements[0]
  if (live.readyState !== WebSocket.OPEN || input.value === "") return
  live.send(input.value)
  input.value = ""
})

talk()
run()
