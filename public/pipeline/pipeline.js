import { ApiError, get, serverNow, Unreachable } from '../shared/api.js'
import { element, setText } from '../shared/dom.js'
import { failureText } from '../shared/failure.js'
import { formatClock, timeZone } from '../shared/format.js'
import { faults, show, tell } from '../shared/parts.js'
import { Poller } from '../shared/poller.js'
import { History } from './history.js'
import { renderProblems } from './problems.js'
import { renderReaders, renderSinks, renderSources, renderTasks } from './tables.js'
import { TopologyDrawing } from './topology.js'

const refreshSeconds = { choices: [1, 2, 5], chosen: 2 }

const node = (id) => document.getElementById(id)
const drawing = new TopologyDrawing(node('topology'))
const history = new History()
/** Null until they are loaded: a page without them tells the rest all the same. */
let charts = null
let status = null
let updatedAt = null
/** Of the last round: why it failed, and when the next one follows. */
let failure = null
let retryInMs = null

async function poll(signal) {
  if (!drawing.isKnown) {
    const description = await get('/api/pipeline/topology', signal)
    show('topology', () => drawing.take(description))
  }
  status = await get('/api/pipeline', signal)
  history.add(await get(`/api/pipeline/history${history.query}`, signal))
  updatedAt = new Date()
  failure = null
  render()
}

async function loadCharts() {
  try {
    const { HistoryCharts } = await import('./charts.js')
    const { value } = document.querySelector('[name="range"]:checked')
    charts = new HistoryCharts(node('charts'), { minutes: Number(value) })
    if (updatedAt !== null) render()
  } catch (error) {
    tell('charts', error)
  }
}

function render() {
  const nowMs = serverNow()
  const { tasks, sources, sinks, partitions } = status
  renderState()
  show('topology', () => drawing.render(status))
  show('tasks', () => renderTasks(node('tasks'), { tasks, nowMs }))
  show('sources', () => renderSources(node('sources'), { sources, nowMs }))
  show('sinks', () => renderSinks(node('sinks'), { sinks, nowMs }))
  show('partitions', () => renderReaders(node('readers'), { partitions }))
  if (charts) show('charts', () => charts.render(history))
  node('no-tasks').hidden = tasks.length > 0
  node('no-readers').hidden = partitions.length > 0
  node('sources-panel').hidden = sources.length === 0
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
  const connection = node('connection')
  connection.dataset.state = failure ? 'away' : 'live'
  setText(connection, failure ? failureText(failure, retryInMs) : 'Connected')
  if (updatedAt !== null) {
    setText(node('updated'), formatClock(updatedAt))
    node('updated').dateTime = updatedAt.toISOString()
  }
  const parts = [...faults].map(([part, message]) => `The ${part} can't be shown (${message}).`)
  setText(node('notice'), parts.join(' '))
  node('notice').hidden = parts.length === 0
  document.body.classList.toggle('stale', failure !== null)
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
  const option = element('option', { value: String(seconds) }, seconds === 0 ? 'Off' : `${seconds} s`)
  option.selected = seconds === refreshSeconds.chosen
  node('refresh-every').append(option)
}
const chooseInterval = () => {
  poller.everyMs = Number(node('refresh-every').value) * 1000
}
node('refresh-every').addEventListener('change', chooseInterval)
node('refresh').addEventListener('click', () => poller.refresh())
setText(node('zone'), `Times in ${timeZone()}`)

node('range').addEventListener('change', ({ target }) => {
  if (charts) charts.minutes = Number(target.value)
})

chooseInterval()
poller.refresh()
void loadCharts()
setInterval(() => {
  if (!document.hidden && updatedAt !== null) renderState()
}, 1_000)
