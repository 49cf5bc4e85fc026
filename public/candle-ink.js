// Candles and their volume on a canvas.

import { pageColour } from './shared/ink.js'
import { placesInSight } from './shared/points.js'
import { barWidth, drawVolume, inPlot, middleOf } from './volume-ink.js'

/** A candle that rose is hollow, one that fell is filled: whoever sees no colours tells them apart, too. */
export function drawCandles(plot, seconds) {
  const { ctx, data } = plot
  const [times, open, high, low, close, volume] = data
  const { min, max } = plot.scales.x
  const [rose, fell, panel] = ['--up', '--down', '--panel'].map(pageColour)
  const hasRisen = (place) => close[place] >= open[place]
  const colourOf = (place) => (hasRisen(place) ? rose : fell)
  drawVolume(plot, { times, volume, seconds, colourOf })
  const width = barWidth(plot, seconds)
  const hair = Math.max(1, Math.round(devicePixelRatio))
  const y = (price) => Math.round(plot.valToPos(price, 'y', true))
  inPlot(plot, () => {
    ctx.lineWidth = hair
    for (const place of placesInSight(times, { min: min - seconds, max })) {
      const middle = middleOf(plot, times[place], seconds)
      const left = middle - Math.floor(width / 2)
      ctx.fillStyle = colourOf(place)
      ctx.strokeStyle = colourOf(place)
      ctx.fillRect(middle - Math.floor(hair / 2), y(high[place]), hair, y(low[place]) - y(high[place]))
      const top = y(Math.max(open[place], close[place]))
      const height = Math.max(hair, y(Math.min(open[place], close[place])) - top)
      if (hasRisen(place) && width > 3 * hair && height > 2 * hair) {
        ctx.fillStyle = panel
        ctx.fillRect(left, top, width, height)
        ctx.strokeRect(left + hair / 2, top + hair / 2, width - hair, height - hair)
      } else ctx.fillRect(left, top, width, height)
    }
  })
}
