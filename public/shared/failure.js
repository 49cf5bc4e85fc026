import { ApiError, Unreachable } from './api.js'

/** What to say of a round that failed; `retryInMs`: when the next one follows, null: not by itself. */
export function failureText(failure, retryInMs) {
  if (!(failure instanceof ApiError || failure instanceof Unreachable)) return 'This page has a fault'
  const when =
    retryInMs === null
      ? ''
      : retryInMs < 1500
        ? ', trying again'
        : `, trying again in ${Math.round(retryInMs / 1000)} s`
  if (failure.status === 503) return `Database unreachable${when}`
  if (failure.status) return `The server answered with an error${when}`
  return `Server unreachable${when}`
}
