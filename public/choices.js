// What the reader has chosen. The page's address holds it: it outlives a reload, and can be handed on.

import { themes } from './shared/theme.js'

/** What can be chosen of each, what is chosen first. */
const allowed = {
  range: ['60', '5', '360', '1440', '0'],
  layout: ['each', 'one', 'all'],
  kind: ['line', 'candles'],
  interval: ['60', '300', '900', '3600'],
  theme: themes,
}

/**
 * Of an address's query: a value for each of `allowed`, `symbol` (null: none), `zoom` (`{ min, max }` in seconds; null: none) and
 * `kiosk`. What is no choice is not taken.
 */
export function choicesOf(search) {
  const given = new URLSearchParams(search)
  const chosen = Object.entries(allowed).map(([name, values]) => {
    const value = given.get(name)
    return [name, values.includes(value) ? value : values[0]]
  })
  return {
    ...Object.fromEntries(chosen),
    symbol: given.get('symbol') || null,
    zoom: zoomOf(given.get('zoom')),
    kiosk: given.has('kiosk'),
  }
}

/** The query that says so, without what is chosen anyway. */
export function searchOf({ symbol, zoom, kiosk, ...choices }) {
  const search = new URLSearchParams()
  for (const [name, values] of Object.entries(allowed))
    if (choices[name] !== values[0]) search.set(name, choices[name])
  if (symbol !== null) search.set('symbol', symbol)
  if (zoom !== null) search.set('zoom', `${Math.round(zoom.min * 1000)}-${Math.round(zoom.max * 1000)}`)
  if (kiosk) search.set('kiosk', '')
  const text = search.toString().replace(/kiosk=$/, 'kiosk')
  return text === '' ? '' : `?${text}`
}

function zoomOf(text) {
  const [, min, max] = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? '') ?? []
  return Number(min) < Number(max) ? { min: min / 1000, max: max / 1000 } : null
}
