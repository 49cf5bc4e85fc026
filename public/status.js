import { setText } from './shared/dom.js'
import { formatAge, formatCount, formatMoment } from './shared/format.js'

/** A market whose newest trade is older is quiet; older than the other, while more are on their way, it is behind. */
export const quietMs = 60_000
const behindMs = 10_000
/** In a recording, whose times say nothing of now. */
const behindTrades = 10_000

/**
 * What to say of the connection: the way from the exchange to the server, and from the server to this page. The nearer
 * break is the one that is said; without any, how new what is shown is.
 */
export function connectionOf({ rounds, data, ageMs, page }) {
  if (rounds.failure !== null) return { state: 'away', text: rounds.failureText }
  const source = page === 'crypto' ? 'Coinbase' : 'Market'
  const states = data.sources.map(({ state }) => state)
  if (states.includes('waiting')) return { state: 'away', text: `${source} unreachable` }
  if (states.includes('recovering')) return { state: 'recovering', text: 'Fetching what was missed' }
  if (states.includes('connecting')) return { state: 'recovering', text: `Connecting to ${source}…` }
  if (states.length > 0 && states.every((state) => state === 'stopped'))
    return { state: 'away', text: 'Stopped' }
  if (data.lag > (ageMs === null ? behindTrades : 0) && (ageMs ?? behindMs) >= behindMs)
    return { state: 'behind', text: 'Behind' }
  if (ageMs !== null && ageMs >= quietMs) return { state: 'quiet', text: 'Quiet' }
  // How it is doing, only the other one can say.
  if (states.includes('elsewhere') && !states.includes('live'))
    return { state: 'live', text: `Another instance reads ${source}` }
  return { state: 'live', text: 'Connected' }
}

/** How old the newest trade is, and how many more are on their way. */
export function renderNewest(node, { state }, { newestMs, ageMs, nowMs, lag }) {
  if (newestMs === null) return
  const waiting = state === 'behind' ? `, ${formatCount(lag)} more on their way` : ''
  const age = ageMs === null ? formatMoment(newestMs, nowMs) : `${formatAge(ageMs)} ago`
  setText(node, `${age}${waiting}`)
  node.dateTime = new Date(newestMs).toISOString()
}

/** What is said in place of the charts where the time shown has no trades. */
export function emptyOf({ state }, { newestMs, ageMs, nowMs, lag }) {
  if (newestMs === null) return 'No trades yet.'
  const newest = `The newest one that is stored is of ${formatMoment(newestMs, nowMs)}`
  if (state !== 'behind') return `No trades in this time. ${newest}.`
  const age = ageMs === null ? '' : `, ${formatAge(ageMs)} ago`
  return `Behind: trades of this time are not stored yet. ${newest}${age}; ${formatCount(lag)} are on their way.`
}

/** What to do when there is nothing to show, or when what is shown stands still. Null: nothing to say. */
export function noticeOf({ state, text }, { hasData, sources }) {
  if (text === 'Coinbase unreachable') {
    return "Coinbase can't be reached from the server. It keeps trying and fetches what was missed; to look around meanwhile, start the program with --simulate."
  }
  const problems = sources.flatMap(({ problem }) => problem ?? [])
  if (problems.length > 0) return problems.join(' ')
  if (!hasData && state !== 'away')
    return 'No trades yet. They appear here as soon as the first ones are stored.'
  return null
}
