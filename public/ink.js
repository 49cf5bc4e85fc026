// What is drawn beside the lines of prices.

import { pageColour, pageFont } from './shared/ink.js'

/** The accent's colour, fading downwards. */
export function fade({ bbox: { top, height }, ctx }) {
  if (!(height > 0)) return 'transparent'
  const gradient = ctx.createLinearGradient(0, top, 0, top + height)
  gradient.addColorStop(0, `${pageColour('--accent')}38`)
  gradient.addColorStop(1, `${pageColour('--accent')}00`)
  return gradient
}

/** Gaps in which no symbol was traded, in pixels: that is no quiet price, but an outage, a night or a weekend. */
export function shade({ ctx, bbox: { left, top, width, height } }, gaps) {
  ctx.fillStyle = pageColour('--grid')
  for (const [from, to] of gaps.map((gap) => within(gap, left, left + width)))
    ctx.fillRect(from, top, to - from, height)
}

/** Says so, where there is room for it. */
export function nameGaps({ ctx, bbox: { left, top, width, height } }, gaps) {
  const name = 'no trades'
  ctx.save()
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.font = pageFont(Math.round(11 * devicePixelRatio))
  ctx.fillStyle = pageColour('--muted')
  for (const [from, to] of gaps.map((gap) => within(gap, left, left + width)))
    if (ctx.measureText(name).width < to - from) ctx.fillText(name, (from + to) / 2, top + height / 2)
  ctx.restore()
}

function within([from, to], left, right) {
  return [Math.max(from, left), Math.min(to, right)]
}
