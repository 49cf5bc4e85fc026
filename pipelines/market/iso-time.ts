/** `2026-01-31T18:41:18.123456Z` of microseconds since the epoch. */
export function isoOfMicroseconds(timestampUs: number): string {
  const ms = Math.floor(timestampUs / 1000)
  const rest = timestampUs - ms * 1000
  return `${new Date(ms).toISOString().slice(0, -1)}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`
}

/** `2026-01-31T18:41:18.000000Z` of milliseconds since the epoch. */
export function isoOfMilliseconds(timestampMs: number): string {
  return isoOfMicroseconds(timestampMs * 1000)
}
