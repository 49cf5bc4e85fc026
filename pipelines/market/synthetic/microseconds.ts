/** ISO 8601 in UTC with microseconds; `timeMs` may have a fraction. */
export function microseconds(timeMs: number): string {
  const wholeMs = Math.floor(timeMs)
  const micros = Math.floor((timeMs - wholeMs) * 1000)
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}
