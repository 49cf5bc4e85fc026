import { ApiError, get, serverNow } from '../shared/api.js'
import { setText } from '../shared/dom.js'
import { timeZone } from '../shared/format.js'
import { faultsText, show, tell } from '../shared/parts.js'
import { Rounds } from '../shared/rounds.js'
import { followTheme, searchOf, themeOf } from '../shared/theme.js'
import { History } from './history.js'
import { readLetters, renderLetters } from './letters.js'
import { renderProblems } from './problems.js'
import { renderGaps, renderLate, renderReaders, renderSinks, renderSources, renderTasks } from './tables.js'
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
    setText(node('no-letters'), error.message)
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
  const nowMs = serverNow()
  const { tasks, sources, sinks, partitions, gaps, late } = status
  renderState()
  show('topology', () => drawing.render(status))
  show('tasks', () => renderTasks(node('tasks'), { tasks, nowMs }))
  show('sources', () => renderSources(node('sources'), { sources, nowMs }))
  show('sinks', () => renderSinks(node('sinks'), { sinks, nowMs }))
  show('partitions', () => renderReaders(node('readers'), { partitions }))
  show('gaps', () => renderGaps(node('gaps'), { gaps, nowMs }))
  show('late records', () => renderLate(node('late'), { late, nowMs }))
  show('dead letters', () =>
    renderLetters(node('letters'), { letters, nowMs, show: (place) => tail.show(place) }),
  )
  node('no-gaps').hidden = gaps.length > 0
  node('no-late').hidden = late.length > 0
  node('no-letters').hidden = letters.length > 0
  node('sources-panel').hidden = sources.length === 0
  node('gaps-panel').hidden = sources.length === 0
  if (charts) show('charts', () => charts.render(history))
  node('no-tasks').hidden = tasks.length > 0
  node('no-readers').hidden = partitions.length > 0
  node('sinks-panel').hidden = sinks.length === 0
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

// What may be longer than its place is scrolled there, by keys, too.
for (const [id, name] of [
  ['gaps-list', 'List of gaps'],
  ['late-list', 'List of late records'],
  ['letters-list', 'List of dead letters'],
]) {
  node(id).setAttribute('role', 'region')
  node(id).setAttribute('aria-label', name)
  node(id).tabIndex = 0
}
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
