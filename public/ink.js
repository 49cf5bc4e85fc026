// What is drawn beside the lines of prices.

import { pageColour, pageFont } from './shared/ink.js'

/** The accent's colour, fading downwards. */
export function fade({ bbox: { top, height }, ctx }) {
  if (!(height > 0)) return 'transparent'
  const gradient = ctx.createLinearGradient(0, top, 0, top + height)
  gradient.addColorStop(0, pageColour('--fade'))
  gradient.addColorStop(1, 'transparent')
  return gradient
}

/**
 * Stretches of time, `{ from, to, name, colour, isHatched }` with `from` and `to` in pixels: nothing was traded, or the feed was
 * away, or what was missed came later.
 */
export function shade({ ctx, bbox: { left, top, width, height } }, stretches) {
  for (const { colour, isHatched, ...stretch } of stretches) {
    const [from, to] = within(stretch, left, left + width)
    ctx.fillStyle = isHatched ? hatch(ctx, pageColour(colour)) : pageColour(colour)
    ctx.fillRect(from, top, to - from, height)
  }
}

/** Says what they are, where there is room for it, each one a line lower than the one before. */
export function nameStretches({ ctx, bbox: { left, top, width, height } }, stretches) {
  const sizePx = Math.round(11 * devicePixelRatio)
  ctx.save()
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  ctx.font = pageFont(sizePx)
  ctx.fillStyle = pageColour('--muted')
  for (const { name, row, ...stretch } of stretches) {
    const [from, to] = within(stretch, left, left + width)
    if (ctx.measureText(name).width < to - from)
      ctx.fillText(name, (from + to) / 2, top + height / 2 + row * 1.5 * sizePx)
  }
  ctx.restore()
}

/** A line at the price that stands, with the price at the axis. */
export function drawLastPrice(plot, price, text) {
  const { ctx, bbox } = plot
  const y = Math.round(plot.valToPos(price, 'y', true))
  if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return
  const [pixel, right] = [devicePixelRatio, bbox.left + bbox.width]
  ctx.save()
  ctx.strokeStyle = pageColour('--muted')
  ctx.lineWidth = Math.max(1, Math.round(pixel))
  ctx.setLineDash([2 * pixel, 3 * pixel])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(right, y)
  ctx.stroke()
  ctx.font = pageFont(Math.round(11 * pixel))
  ctx.textBaseline = 'middle'
  ctx.fillStyle = pageColour('--text')
  const [height, padding] = [16 * pixel, 4 * pixel]
  ctx.fillRect(right + 2 * pixel, y - height / 2, ctx.measureText(text).width + 2 * padding, height)
  ctx.fillStyle = pageColour('--panel')
  ctx.fillText(text, right + 2 * pixel + padding, y)
  ctx.restore()
}

/** Slanting lines: a shade that is told apart from others without its colour. */
function hatch(ctx, colour) {
  const size = Math.round(6 * devicePixelRatio)
  const tile = new OffscreenCanvas(size, size)
  const ink = tile.getContext('2d')
  ink.strokeStyle = colour
  ink.lineWidth = Math.max(1, devicePixelRatio)
  ink.beginPath()
  for (const shift of [-size, 0, size]) {
    ink.moveTo(shift, size)
    ink.lineTo(shift + size, 0)
  }
  ink.stroke()
  return ctx.createPattern(tile, 'repeat')
}

function within({ from, to }, left, right) {
  return [Math.max(from, left), Math.min(to, right)]
}
