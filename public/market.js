import { ApiError, get, Unreachable } from './api.js'
import { renderCards } from './cards.js'
import { element, setText } from './dom.js'
import { learnDigits, timeZone } from './format.js'
import { faults, show, tell } from './parts.js'
import { Poller } from './poller.js'
import { Series } from './series.js'
import { connectionOf, noticeOf, renderStatus } from './status.js'
import { renderFigures, renderRecent, renderStats } from './tables.js'

const page = document.body.dataset.page
const refreshSeconds =
  page === 'stocks' ? { choices: [2, 5, 10], chosen: 5 } : { choices: [1, 2, 5], chosen: 2 }
const rangeNames = { 5: '5 min', 60: '1 h', 360: '6 h', 1440: '24 h', 0: 'all' }
const recentRows = 20

const node = (id) => document.getElementById(id)
const shown = { latest: [], stats: [], recent: [], count: 0, pipeline: null }
let series = new Series(60)
let updatedAt = null
/** Null until they are loaded: a page without them has its figures all the same. */
let charts = null
/** Of the last round: why it failed, and when the next one follows. */
let failure = null
let retryInMs = null

/** One round: one request after the other, what came is shown together. */
async function poll(signal) {
  const asked = series
  const latest = await get('/api/latest', signal)
  const recent = await get(`/api/recent?limit=${recentRows}`, signal)
  const stats = await get('/api/stats?minutes=1440', signal)
  const { count } = await get('/api/count', signal)
  const history = await historyOf(asked, signal)
  const pipeline = await get('/api/pipeline', signal)
  // Another time range was chosen meanwhile: the next round, which follows at once, loads it.
  if (asked === series) asked.add(history)
  Object.assign(shown, { latest, recent, stats, count, pipeline })
  updatedAt = new Date()
  failure = null
  render()
}

async function historyOf(asked, signal) {
  try {
    return await get(asked.path, signal)
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400)) throw error
    // The server knows our cursor no more: its data began anew.
    asked.reload()
    return get(asked.path, signal)
  }
}

function render() {
  const { latest, stats, recent } = shown
  for (const { symbol, price } of latest) learnDigits(symbol, price)
  for (const { symbol, price } of recent) learnDigits(symbol, price)
  show('prices', () =>
    renderCards(node('cards'), {
      latest: latest.map(asNewAsTheChart),
      stats,
      changeOf: (symbol) => series.change(symbol),
      rangeName: rangeNames[series.minutes],
    }),
  )
  show('statistics', () => renderStats(node('stats'), stats))
  show('trades', () => renderRecent(node('recent'), recent))
  show('figures', () => renderFigures(node('figures'), shown))
  showCharts()
  renderState()
}

function showCharts() {
  if (charts) show('charts', () => charts.render(series))
}

async function loadCharts() {
  try {
    const { Charts } = await import('./charts.js')
    charts = new Charts(node('charts'), {
      layout: document.querySelector('[name="layout"]:checked').value,
      onZoom: (zoomed) => (node('reset-zoom').hidden = !zoomed),
    })
  } catch (error) {
    tell('charts', error)
  }
  if (updatedAt !== null) render()
}

function renderState() {
  const { latest, pipeline } = shown
  const connection = connectionOf({ failure, retryInMs, pipeline, page })
  renderStatus({ connection: node('connection'), updated: node('updated') }, connection, updatedAt)
  const notice = noticeOf(connection, { hasData: latest.length > 0, pipeline, faults })
  setText(node('notice'), notice ?? '')
  node('notice').hidden = notice === null
  document.body.classList.toggle('stale', failure !== null)
}

/** The history was asked for later and may know a newer price: card and chart say the same. */
function asNewAsTheChart(row) {
  const newest = series.newestOf(row.symbol)
  return newest && newest.time >= Date.parse(row.last_update) / 1000 ? { ...row, price: newest.price } : row
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
  series = new Series(Number(target.value))
  charts?.resetZoom()
  poller.refresh()
})
node('reset-zoom').addEventListener('click', () => charts?.resetZoom())
setText(node('zone'), `Times in ${timeZone()}`)

chooseInterval()
poller.refresh()
void loadCharts()
