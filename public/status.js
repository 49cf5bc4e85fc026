import { ApiError, Unreachable } from './api.js'
import { setText } from './dom.js'
import { formatClock } from './format.js'

/**
 * What to say of the connection: the way from the exchange to the server, and from the server to this page. The nearer
 * break is the one that is said.
 */
export function connectionOf({ failure, retryInMs, pipeline, page }) {
  if (failure) {
    if (!(failure instanceof ApiError || failure instanceof Unreachable))
      return { state: 'away', text: 'This page has a fault' }
    const when =
      retryInMs === null
        ? ''
        : retryInMs < 1500
          ? ', trying again'
          : `, trying again in ${Math.round(retryInMs / 1000)} s`
    if (failure.status === 503) return { state: 'away', text: `Database unreachable${when}` }
    if (failure.status) return { state: 'away', text: `The server answered with an error${when}` }
    return { state: 'away', text: `Server unreachable${when}` }
  }
  const source = page === 'crypto' ? 'Coinbase' : 'Market'
  const states = (pipeline?.sources ?? []).map(({ state }) => state)
  if (states.includes('waiting')) return { state: 'away', text: `${source} unreachable` }
  if (states.includes('recovering')) return { state: 'busy', text: 'Fetching what was missed' }
  if (states.includes('connecting')) return { state: 'busy', text: `Connecting to ${source}…` }
  if (states.length > 0 && states.every((state) => state === 'stopped'))
    return { state: 'away', text: 'Stopped' }
  // How it is doing, only the other one can say.
  if (states.includes('elsewhere') && !states.includes('live'))
    return { state: 'live', text: `Another instance reads ${source}` }
  return { state: 'live', text: 'Connected' }
}

export function renderStatus({ connection, updated }, { state, text }, updatedAt) {
  connection.dataset.state = state
  setText(connection, text)
  if (updatedAt !== null) {
    setText(updated, formatClock(updatedAt))
    updated.dateTime = updatedAt.toISOString()
  }
}

/**
 * What to do when there is nothing to show, or when what is shown stands still or is not all. `faults`: of the page's
 * parts, by their names. Null: nothing to say.
 */
export function noticeOf({ state, text }, { hasData, pipeline, faults }) {
  if (faults.size > 0) {
    const parts = [...faults].map(([part, message]) => `The ${part} can't be shown (${message}).`)
    return `${parts.join(' ')} The rest of the page goes on.`
  }
  if (text === 'Coinbase unreachable') {
    return "Coinbase can't be reached from the server. It keeps trying and fetches what was missed; to look around meanwhile, start the program with --simulate."
  }
  const problems = (pipeline?.sources ?? []).flatMap(({ problem }) => problem ?? [])
  if (problems.length > 0) return problems.join(' ')
  if (!hasData && state !== 'away')
    return 'No trades yet. They appear here as soon as the first ones are stored.'
  return null
}
