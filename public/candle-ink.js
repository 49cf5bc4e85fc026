// Candles and their volume on a canvas.

import { pageColour } from './shared/ink.js'
import { placesInSight } from './shared/points.js'

/** Of a candle's time; the rest is between two of them. */
const bodyShare = 0.7
/** Of the plot's height. */
const volumeShare = 0.18

/** Room for the volume is left below the prices. */
export function candleRange(_, min, max) {
  if (min == null || max == null) return [0, 1]
  const span = max > min ? max - min : Math.abs(max) * 0.001 || 1
  return [min - span * 0.35, max + span * 0.08]
}

/** A candle that rose is hollow, one that fell is filled: whoever sees no colours tells them apart, too. */
export function drawCandles(plot, seconds) {
  const { ctx, bbox, data } = plot
  const [times, open, high, low, close, volume] = data
  const { min, max } = plot.scales.x
  const places = placesInSight(times, { min: min - seconds, max })
  const volumeMost = Math.max(...places.map((place) => volume[place]))
  const width = bodyWidth(plot, seconds)
  const hair = Math.max(1, Math.round(devicePixelRatio))
  const bottom = bbox.top + bbox.height
  const colours = { rose: pageColour('--up'), fell: pageColour('--down'), panel: pageColour('--panel') }
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  ctx.lineWidth = hair
  for (const place of places) {
    const hasRisen = close[place] >= open[place]
    const colour = hasRisen ? colours.rose : colours.fell
    const middle = Math.round(plot.valToPos(times[place] + seconds / 2, 'x', true))
    const left = middle - Math.floor(width / 2)
    const y = (price) => Math.round(plot.valToPos(price, 'y', true))
    ctx.fillStyle = colour
    ctx.strokeStyle = colour
    const tall = Math.round((volume[place] / volumeMost) * volumeShare * bbox.height)
    ctx.globalAlpha = 0.45
    ctx.fillRect(left, bottom - tall, width, tall)
    ctx.globalAlpha = 1
    ctx.fillRect(middle - Math.floor(hair / 2), y(high[place]), hair, y(low[place]) - y(high[place]))
    const top = y(Math.max(open[place], close[place]))
    const height = Math.max(hair, y(Math.min(open[place], close[place])) - top)
    if (hasRisen && width > 3 * hair && height > 2 * hair) {
      ctx.fillStyle = colours.panel
      ctx.fillRect(left, top, width, height)
      ctx.strokeRect(left + hair / 2, top + hair / 2, width - hair, height - hair)
    } else ctx.fillRect(left, top, width, height)
  }
  ctx.restore()
}

function bodyWidth(plot, seconds) {
  const { min } = plot.scales.x
  const whole = plot.valToPos(min + seconds, 'x', true) - plot.valToPos(min, 'x', true)
  return Math.max(1, Math.round(whole * bodyShare))
}
