// What the pages ask of the server. One request at a time: the caller awaits each.

const timeoutMs = 15_000
/** The last answer of each path: an unchanged one (304, by its ETag) is the same object again. */
const answers = new Map()
const answersMax = 32

/** Clocks that differ by less are taken for one: answers say their time in full seconds. */
const sameClockMs = 2_000
let aheadMs = 0

/** What time it is for the server, whatever the reader's clock says. */
export const serverNow = () => Date.now() + aheadMs

function compareClocks({ headers }) {
  const differenceMs = Date.parse(headers.get('date') ?? '') - Date.now()
  if (!Number.isNaN(differenceMs)) aheadMs = Math.abs(differenceMs) < sameClockMs ? 0 : differenceMs
}

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

export class Unreachable extends Error {}

function unreachable(error) {
  throw new Unreachable(error.message, { cause: error })
}

/** Another market took this address: nothing that is shown belongs to it, and what it answers is not taken. */
function beginAnew() {
  location.reload()
  return new Promise(() => {})
}

/** Rejects with `ApiError` when the server refuses, with `Unreachable` when nothing or half an answer comes. */
export async function get(path, signal) {
  const known = answers.get(path)
  const response = await fetch(path, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    headers: known ? { 'if-none-match': known.etag } : {},
    // The page keeps the answers itself; the browser's cache would keep one for each cursor.
    cache: 'no-store',
  }).catch(unreachable)
  compareClocks(response)
  const identity = response.headers.get('x-rivulet-identity')
  if (identity !== null && identity !== document.body.dataset.identity) return beginAnew()
  if (response.status === 304 && known) return known.body
  const body = await response.json().catch(response.ok ? unreachable : () => null)
  if (!response.ok) {
    throw new ApiError(
      response.status,
      body?.error?.code ?? 'UNKNOWN',
      body?.error?.message ?? response.statusText,
    )
  }
  answers.delete(path)
  const etag = response.headers.get('etag')
  if (etag) answers.set(path, { etag, body })
  if (answers.size > answersMax) answers.delete(answers.keys().next().value)
  return body
}
