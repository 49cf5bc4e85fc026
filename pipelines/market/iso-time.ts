/** In years that the tables can hold. */
const isoPattern =
  /^(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/
/** Days that each month has. */
const monthDaysMin = 28

/** Of `2026-01-31T18:41:18.123456Z`, without the microseconds; NaN: it is no such time, or of no day of a calendar. */
export function millisecondsOfIso(time: string): number {
  if (!isoPattern.test(time)) return Number.NaN
  const timestampMs = Date.parse(time)
  const day = Number(time.slice(8, 10))
  // The 30th of February is parsed as one of March.
  return day > monthDaysMin && new Date(timestampMs).getUTCDate() !== day ? Number.NaN : timestampMs
}

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
