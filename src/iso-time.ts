const day = /^([+-]?\d{4,6}-\d{2}-(\d{2}))/

/** ISO 8601 as ms since the epoch; NaN for what is none, 30 February too, which `Date.parse` takes for 2 March. */
export function isoMs(text: string): number {
  const [, date, dayOfMonth] = day.exec(text) ?? []
  return new Date(`${date}T00:00Z`).getUTCDate() === Number(dayOfMonth) ? Date.parse(text) : Number.NaN
}
