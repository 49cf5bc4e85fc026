import { barSeconds, Candles } from './candles.js'
import { renderCards } from './cards.js'
import { choicesOf, searchOf } from './choices.js'
import { Detail } from './detail.js'
import { MarketData, recentRows } from './market-data.js'
import { formatPrice, learnDigits, productsAreKnown, takeProducts } from './products.js'
import { Series } from './series.js'
import { ApiError, get, serverNow } from './shared/api.js'
import { setText } from './shared/dom.js'
import { timeZone } from './shared/format.js'
import { faults, faultsText, show, tell } from './shared/parts.js'
import { Rounds } from './shared/rounds.js'
import { followTheme } from './shared/theme.js'
import { connectionOf, emptyOf, noticeOf, renderNewest } from './status.js'
import { renderFigures, renderRecent, renderStats } from './tables.js'

const page = document.body.dataset.page
const refreshSeconds =
  page === 'stocks' ? { choices: [2, 5, 10], chosen: 5 } : { choices: [1, 2, 5], chosen: 2 }
const askProductsAgainMs = 30_000
/** The bar that still grows may be so much behind. */
const askVolumesAgainMs = 10_000

const node = (id) => document.getElementById(id)
const data = new MarketData()
const detail = new Detail()
const candles = new Candles()
/** Of the line's charts: candles, too, of which only the volume is drawn. */
const volumes = new Candles()
const chosen = choicesOf(location.search)
const title = document.title
let series = new Series(Number(chosen.range))
/** Null until they are loaded: a page without them has its figures all the same. */
let charts = null
let askedProductsMs = Number.NEGATIVE_INFINITY
let askedVolumesMs = Number.NEGATIVE_INFINITY

/** One round is one request: what is shown together was read together. */
async function poll(signal) {
  await askProducts(signal)
  const asked = series
  const answer = await marketOf(asked, signal)
  if (answer.past_version !== data.pastVersion) for (const each of [candles, volumes]) each.reload()
  data.add(answer, asked.isEmpty)
  // Another time range was chosen meanwhile: the next round, which follows at once, loads it.
  if (asked === series) asked.add(answer)
  if (hasCandles()) await askCandles(signal)
  else {
    await askDetail(signal)
    await askVolumes(signal)
  }
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

async function askCandles(signal) {
  const query = queryOf(candles, Number(chosen.interval))
  if (query !== null) candles.add(await get(`/api/candles?${query}`, signal))
}

/** Of another time at once, of what is new from time to time: a poll is one request. */
async function askVolumes(signal) {
  if (chosen.layout === 'all') return
  const { newest: max, oldest, minutes } = series
  const shown = { min: minutes === 0 ? oldest : max - minutes * 60, max }
  const query = queryOf(volumes, barSeconds(chosen.zoom ?? shown))
  const isDue = !volumes.isLoaded || Date.now() - askedVolumesMs >= askVolumesAgainMs
  if (query === null || !isDue) return
  volumes.add(await get(`/api/candles?${query}`, signal))
  askedVolumesMs = Date.now()
}

/** What to ask for of the time looked at; null: nothing. */
function queryOf(asked, seconds) {
  const { newest: max, minutes } = series
  if (max === null) return null
  const min = minutes === 0 ? Number.NEGATIVE_INFINITY : max - minutes * 60
  return asked.query(chosen.zoom, { min, max }, seconds)
}

async function marketOf(asked, signal) {
  const path = () => `/api/market?limit=${recentRows}&${asked.query}`
  try {
    return await get(path(), signal)
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400)) throw error
    // The server knows our cursor no more: its data began anew.
    for (const each of [asked, candles, volumes]) each.reload()
    return get(path(), signal)
  }
}

function render() {
  const { latest, recent, stats, day, isReplayed } = data
  const nowMs = isReplayed ? data.newestMs : serverNow()
  for (const { symbol, price } of [...latest, ...recent]) learnDigits(symbol, price)
  // Before all that is written: to paint text, the browser finds the styles of what has changed.
  showCharts()
  show('prices', () => {
    renderCards(node('cards'), { latest, day, series, nowMs, chosen: chosen.symbol })
    const row = latest.find(({ symbol }) => symbol === chosen.symbol)
    document.title = row ? `${formatPrice(row.symbol, row.price)} ${row.symbol} · Rivulet` : title
  })
  show('statistics', () => renderStats(node('stats'), node('stats-cover'), { stats, nowMs }))
  show('trades', () => renderRecent(node('recent'), { recent, nowMs }))
  show('figures', () => renderFigures(node('figures'), data))
  renderState()
}

function showCharts() {
  // Until the time that was chosen is loaded, the one before is shown.
  if (!charts || !series.isLoaded) return
  const nowMs = data.isReplayed ? data.newestMs : serverNow()
  const outages = data.outagesUntil(Math.floor(nowMs / 1000))
  show('charts', () => charts.render({ series, detail, candles, volumes, outages }))
}

async function loadCharts() {
  try {
    const { Charts } = await import('./charts.js')
    charts = new Charts(node('charts'), { chosen, onZoom: look })
    if (chosen.zoom !== null) look(chosen.zoom)
  } catch (error) {
    tell('charts', error)
  }
  if (rounds.updatedAt !== null) render()
}

/** At this time, `{ min, max }` in seconds; null: all that is shown. */
function look(zoom) {
  choose({ zoom })
  node('reset-zoom').hidden = zoom === null
  detail.look(zoom)
  showCharts()
  if (zoom !== null) rounds.refresh()
}

/** Called every second, too: what is shown goes on growing old when nothing comes any more. */
function renderState() {
  const { newestMs, lag, sources, isReplayed } = data
  const nowMs = serverNow()
  const ageMs = newestMs === null || isReplayed ? null : Math.max(0, nowMs - newestMs)
  const connection = connectionOf({ rounds, data, ageMs, page })
  show('age', () => {
    renderNewest(node('newest'), connection, { newestMs, ageMs, nowMs, lag })
    setText(node('charts-empty'), emptyOf(connection, { newestMs, ageMs, nowMs, lag }))
  })
  node('charts-empty').hidden = series.bySymbol.size > 0 || !series.isLoaded
  const notice = faultsText() ?? noticeOf(connection, { hasData: newestMs !== null, sources })
  rounds.say({ ...connection, notice })
  // Until then nothing but the bar is shown: what comes later would push aside what came sooner.
  const isComplete = rounds.updatedAt !== null && (charts !== null || faults.has('charts'))
  if (isComplete || rounds.failure !== null) document.body.classList.remove('waiting')
}

const rounds = new Rounds({ poll, render, renderState, seconds: refreshSeconds })

/** Candles are of one symbol. */
const hasCandles = () => chosen.kind === 'candles' && chosen.layout !== 'all'

/** The address says it, and the style sheet knows it. */
function choose(choices) {
  Object.assign(chosen, choices)
  const { layout, kiosk } = chosen
  history.replaceState(null, '', location.pathname + searchOf(chosen))
  document.body.dataset.layout = layout
  document.body.classList.toggle('kiosk', kiosk)
  node('interval').hidden = !hasCandles()
}

/** What is drawn is another chart. */
function chooseCharts(choices) {
  choose(choices)
  show('charts', () => charts?.redraw())
  rounds.refresh()
}

/** Shows the choices in a group of radio buttons or a list, and takes what is chosen there. */
function bind(id, take) {
  const control = node(id)
  const radio = control.querySelector(`[value="${chosen[id]}"]`)
  if (radio.matches('input')) radio.checked = true
  else control.value = chosen[id]
  control.addEventListener('change', ({ target }) => take(target.value))
}

for (const name of ['layout', 'kind', 'interval']) bind(name, (value) => chooseCharts({ [name]: value }))
bind('range', (range) => {
  choose({ range })
  charts?.resetZoom()
  series = new Series(Number(range))
  rounds.refresh()
})
followTheme(chosen.theme, {
  onChoice: (theme) => choose({ theme }),
  redraw: () => show('charts', () => charts?.redraw()),
})
node('cards').addEventListener('click', ({ target }) => {
  const symbol = target.closest('.choose')?.closest('.card').dataset.key
  if (symbol === undefined) return
  node('layout').querySelector('[value="one"]').checked = true
  chooseCharts({ symbol, layout: 'one' })
  render()
})
node('reset-zoom').addEventListener('click', () => charts?.resetZoom())
setText(node('zone'), `Times in ${timeZone()}`)

choose({})
rounds.refresh()
void loadCharts()
