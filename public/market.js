import { renderCards } from './cards.js'
import { Detail } from './detail.js'
import { MarketData, recentRows } from './market-data.js'
import { learnDigits, productsAreKnown, takeProducts } from './products.js'
import { Series } from './series.js'
import { ApiError, get, serverNow, Unreachable } from './shared/api.js'
import { element, setText } from './shared/dom.js'
import { timeZone } from './shared/format.js'
import { faults, show, tell } from './shared/parts.js'
import { Poller } from './shared/poller.js'
import { connectionOf, emptyOf, noticeOf, renderStatus } from './status.js'
import { renderFigures, renderRecent, renderStats } from './tables.js'

const page = document.body.dataset.page
const refreshSeconds =
  page === 'stocks' ? { choices: [2, 5, 10], chosen: 5 } : { choices: [1, 2, 5], chosen: 2 }
const askProductsAgainMs = 30_000

const node = (id) => document.getElementById(id)
const data = new MarketData()
const detail = new Detail()
let series = new Series(60)
let updatedAt = null
/** Null until they are loaded: a page without them has its figures all the same. */
let charts = null
/** Of the last round: why it failed, and when the next one follows. */
let failure = null
let retryInMs = null
let askedProductsMs = Number.NEGATIVE_INFINITY

/** One round is one request: what is shown together was read together. */
async function poll(signal) {
  await askProducts(signal)
  const asked = series
  const answer = await marketOf(asked, signal)
  data.add(answer, asked.isEmpty)
  // Another time range was chosen meanwhile: the next round, which follows at once, loads it.
  if (asked === series) asked.add(answer)
  await askDetail(signal)
  updatedAt = new Date()
  failure = null
  render()
}

/** Once, unless the server does not know all of them yet. */
async function askProducts(signal) {
  if (productsAreKnown() || Date.now() - askedProductsMs < askProductsAgainMs) return
  takeProducts(await get('/api/products', signal))
  askedProductsMs = Date.now()
}

/** Of the time that the reader has zoomed to, unless it is known. */
async function askDetail(signal) {
  const { query } = detail
  if (query !== null) detail.add(query, await get(`/api/history?${query}`, signal))
}

async function marketOf(asked, signal) {
  const path = () => `/api/market?limit=${recentRows}&${asked.query}`
  try {
    return await get(path(), signal)
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400)) throw error
    // The server knows our cursor no more: its data began anew.
    asked.reload()
    return get(path(), signal)
  }
}

function render() {
  const { latest, recent, stats, isReplayed } = data
  const nowMs = isReplayed ? data.newestMs : serverNow()
  show('prices', () => {
    for (const { symbol, price } of [...latest, ...recent]) learnDigits(symbol, price)
    renderCards(node('cards'), { latest, stats, series, nowMs })
  })
  show('statistics', () => renderStats(node('stats'), node('stats-cover'), { stats, nowMs }))
  show('trades', () => renderRecent(node('recent'), { recent, nowMs }))
  show('figures', () => renderFigures(node('figures'), data))
  showCharts()
  renderState()
}

function showCharts() {
  if (charts) show('charts', () => charts.render(series, detail))
}

async function loadCharts() {
  try {
    const { Charts } = await import('./charts.js')
    charts = new Charts(node('charts'), {
      layout: document.querySelector('[name="layout"]:checked').value,
      onZoom: (range) => {
        node('reset-zoom').hidden = range === null
        detail.look(range)
        showCharts()
        if (detail.query !== null) poller.refresh()
      },
    })
  } catch (error) {
    tell('charts', error)
  }
  if (updatedAt !== null) render()
}

/** Called every second, too: what is shown goes on growing old when nothing comes any more. */
function renderState() {
  const { newestMs, lag, sources, isReplayed } = data
  const nowMs = serverNow()
  const ageMs = newestMs === null || isReplayed ? null : Math.max(0, nowMs - newestMs)
  const connection = connectionOf({ failure, retryInMs, data, ageMs, page })
  const nodes = { connection: node('connection'), newest: node('newest'), updated: node('updated') }
  show('age', () => {
    renderStatus(nodes, connection, { newestMs, ageMs, nowMs, lag, updatedAt })
    setText(node('charts-empty'), emptyOf(connection, { newestMs, ageMs, nowMs, lag }))
  })
  node('charts-empty').hidden = series.bySymbol.size > 0
  const notice = noticeOf(connection, { hasData: newestMs !== null, sources, faults })
  setText(node('notice'), notice ?? '')
  node('notice').hidden = notice === null
  document.body.classList.toggle('stale', failure !== null)
  // Until then nothing but the bar is shown: what comes later would push aside what came sooner.
  const isComplete = updatedAt !== null && (charts !== null || faults.has('charts'))
  if (isComplete || failure !== null) document.body.classList.remove('waiting')
}

const poller = new Poller({
  poll,
  onFailure: (error, waitMs) => {
    if (!(error instanceof ApiError || error instanceof Unreachable)) reportError(error)
    failure = error
    retryInMs = waitMs
    renderState()
  },
})

for (const seconds of [0, ...refreshSeconds.choices]) {
  const chosen = seconds === refreshSeconds.chosen
  const option = element('option', { value: String(seconds) }, seconds === 0 ? 'Off' : `${seconds} s`)
  option.selected = chosen
  node('refresh-every').append(option)
}
const chooseInterval = () => {
  poller.everyMs = Number(node('refresh-every').value) * 1000
}
node('refresh-every').addEventListener('change', chooseInterval)
node('refresh').addEventListener('click', () => poller.refresh())
node('layout').addEventListener('change', ({ target }) => {
  show('charts', () => charts?.setLayout(target.value))
  renderState()
})
node('range').addEventListener('change', ({ target }) => {
  charts?.resetZoom()
  series = new Series(Number(target.value))
  poller.refresh()
})
node('reset-zoom').addEventListener('click', () => charts?.resetZoom())
setText(node('zone'), `Times in ${timeZone()}`)

chooseInterval()
poller.refresh()
void loadCharts()
setInterval(() => {
  if (updatedAt !== null && !document.hidden) renderState()
}, 1_000)
