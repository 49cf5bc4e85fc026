import { ApiError, get, serverNow } from '../shared/api.js'
import { setText } from '../shared/dom.js'
import { timeZone } from '../shared/format.js'
import { faultsText, show, tell } from '../shared/parts.js'
import { Rounds } from '../shared/rounds.js'
import { followTheme, searchOf, themeOf } from '../shared/theme.js'
import { History } from './history.js'
import { lettersTable, readLetters } from './letters.js'
import { renderProblems } from './problems.js'
import { TablePanel } from './table-panel.js'
import { gapsTable, lateTable, readersTable, sinksTable, sourcesTable, tasksTable } from './tables.js'
import { Tail } from './tail.js'
import { TopologyDrawing } from './topology.js'

const askTopicsAgainMs = 5_000
const refreshSeconds = { choices: [1, 2, 5], chosen: 2 }

const node = (id) => document.getElementById(id)
const drawing = new TopologyDrawing(node('topology'))
const history = new History()
/** Null until they are loaded: a page without them tells the rest all the same. */
let charts = null
const tail = new Tail()
const lettersPanel = new TablePanel(lettersTable)
const panels = [
  ...[tasksTable, sourcesTable, sinksTable, readersTable, gapsTable, lateTable].map(
    (of) => new TablePanel(of),
  ),
  lettersPanel,
]
/** The dead letters, and how many had been counted when they were read. */
let letters = []
let lettersCounted = null
let topicsAskedMs = Number.NEGATIVE_INFINITY
let status = null

async function poll(signal) {
  if (!drawing.isKnown) {
    const description = await get('/api/pipeline/topology', signal)
    show('topology', () => drawing.take(description))
  }
  status = await get('/api/pipeline', signal)
  await askLetters(signal)
  history.add(await get(`/api/pipeline/history${history.query}`, signal))
}

/** Anew when there are more of them: until then they are the same. */
async function askLetters(signal) {
  const counted = status.counters.dead_letters ?? 0
  const isKnown = lettersCounted === counted && tail.isKnown
  if (isKnown || Date.now() - topicsAskedMs < askTopicsAgainMs) return
  topicsAskedMs = Date.now()
  try {
    const topics = await get('/api/pipeline/topics', signal)
    tail.topics = topics
    letters = await readLetters(topics, signal)
    lettersCounted = counted
  } catch (error) {
    // The rest of the page is told all the same: records may not be for everybody, or Kafka is away.
    if (!(error instanceof ApiError)) throw error
    if (error.status === 403) tail.refuse(error.message)
    lettersPanel.calm = error.message
  }
}

async function loadCharts() {
  try {
    const { HistoryCharts } = await import('./charts.js')
    const { value } = document.querySelector('[name="range"]:checked')
    charts = new HistoryCharts(node('charts'), { minutes: Number(value) })
    if (rounds.updatedAt !== null) render()
  } catch (error) {
    tell('charts', error)
  }
}

function render() {
  renderState()
  show('topology', () => drawing.render(status))
  const told = { ...status, letters, nowMs: serverNow(), show: (place) => tail.show(place) }
  for (const panel of panels) show(panel.name, () => panel.render(told))
  if (charts) show('charts', () => charts.render(history))
  document.body.classList.remove('waiting')
}

/** Called every second, too: what is wrong goes on for longer when nothing comes any more. */
function renderState() {
  if (status !== null) {
    const { problems } = status
    show('problems', () =>
      renderProblems(node('problem-list'), node('no-problems'), { problems, nowMs: serverNow() }),
    )
  }
  const isAway = rounds.failure !== null
  rounds.say({
    state: isAway ? 'away' : 'live',
    text: isAway ? rounds.failureText : 'Connected',
    notice: faultsText(),
  })
}

const rounds = new Rounds({ poll, render, renderState, seconds: refreshSeconds })

setText(node('zone'), `Times in ${timeZone()}`)

followTheme(themeOf(location.search), {
  onChoice: (theme) => globalThis.history.replaceState(null, '', location.pathname + searchOf(theme)),
  redraw: () => show('charts', () => charts?.redraw()),
})
node('range').addEventListener('change', ({ target }) => {
  if (charts) charts.minutes = Number(target.value)
})

rounds.refresh()
void loadCharts()
