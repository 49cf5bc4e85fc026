// Volume on a canvas, below the prices: a bar for each stretch of time.

import { placesInSight } from './shared/points.js'

/** Of a bar's time; the rest is between two of them. */
const bodyShare = 0.7
/** Of the plot's height. */
const volumeShare = 0.18

/** Room for the volume is left below the prices. */
export function rangeAboveVolume(_, min, max) {
  if (min == null || max == null) return [0, 1]
  const span = max > min ? max - min : Math.abs(max) * 0.001 || 1
  return [min - span * 0.35, max + span * 0.08]
}

/** `times`: when each bar's time begins, which is `seconds` long; `colourOf(place)`: of a bar. */
export function drawVolume(plot, { times, volume, seconds, colourOf }) {
  const { ctx, bbox } = plot
  const { min, max } = plot.scales.x
  const places = placesInSight(times, { min: min - seconds, max })
  const most = Math.max(...places.map((place) => volume[place]))
  const width = barWidth(plot, seconds)
  const bottom = bbox.top + bbox.height
  inPlot(plot, () => {
    ctx.globalAlpha = 0.45
    for (const place of places) {
      const tall = Math.round((volume[place] / most) * volumeShare * bbox.height)
      ctx.fillStyle = colourOf(place)
      ctx.fillRect(middleOf(plot, times[place], seconds) - Math.floor(width / 2), bottom - tall, width, tall)
    }
  })
}

/** In pixels of the canvas. */
export const middleOf = (plot, time, seconds) => Math.round(plot.valToPos(time + seconds / 2, 'x', true))

export function barWidth(plot, seconds) {
  const { min } = plot.scales.x
  const whole = plot.valToPos(min + seconds, 'x', true) - plot.valToPos(min, 'x', true)
  return Math.max(1, Math.round(whole * bodyShare))
}

/** Nothing that `draw()` draws is outside of the plot. */
export function inPlot({ ctx, bbox }, draw) {
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  draw()
  ctx.restore()
}
