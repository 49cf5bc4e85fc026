// A symbol's price in the time shown, as a small line without axes.

import { placeAt } from './shared/place-at.js'

const [width, height] = [100, 24]
const points = 60
const svg = (tag, attributes) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  return node
}

export function createSparkline() {
  const line = svg('svg', {
    class: 'sparkline',
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  })
  line.append(svg('path', { 'vector-effect': 'non-scaling-stroke' }))
  return line
}

/** `{ times, prices }`; without a change since it was drawn, nothing is done. */
export function renderSparkline(line, { times, prices }) {
  const path = line.firstChild
  const drawn = `${times.length} ${times[0]} ${times.at(-1)} ${prices.at(-1)}`
  if (path.dataset.drawn === drawn) return
  path.dataset.drawn = drawn
  path.setAttribute('d', pathOf(times, prices))
}

/** Of the prices that stand at so many times, equally far apart. */
function pathOf(times, prices) {
  const [first, seconds] = [times[0], times.at(-1) - times[0]]
  if (!(seconds > 0)) return ''
  const standing = Array.from(
    { length: points + 1 },
    (_, i) => prices[placeAt(times, prices, first + (seconds * i) / points)],
  )
  const low = Math.min(...standing)
  const span = Math.max(...standing) - low || 1
  const [inner, edge] = [height - 2, 1]
  const places = standing.map((price, i) => {
    const x = (i / points) * width
    return `${x.toFixed(1)} ${(edge + inner * (1 - (price - low) / span)).toFixed(1)}`
  })
  return `M${places.join('L')}`
}
