// Fingers on a chart: one drags the time, two stretch and drag it, one that rests reads. What goes up or down scrolls the page.

import { between } from './view.js'

const restMs = 450
/** A finger that moves by less rests. */
const restPxMax = 8

/** `chartOf()`: the chart that is in `host`; `charts`: what it shares with the others. */
export function followFingers(host, { chartOf, charts }) {
  /** By the pointers' ids: where each finger is, as a share of the plot, and which time it holds. */
  const fingers = new Map()
  let resting
  let isReading = false

  const hold = () => {
    const { min, max } = charts.view
    for (const finger of fingers.values()) finger.time = min + finger.share * (max - min)
  }
  const rest = (event) => {
    isReading = true
    chartOf()?.pointAt(event.clientX - host.querySelector('.u-over').getBoundingClientRect().left)
  }

  host.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return
    chartOf()?.pointAt(null)
    isReading = false
    fingers.set(event.pointerId, { share: chartOf().shareAt(event.clientX), x: event.clientX })
    hold()
    clearTimeout(resting)
    if (fingers.size === 1) resting = setTimeout(() => rest(event), restMs)
  })
  host.addEventListener('pointermove', (event) => {
    const finger = fingers.get(event.pointerId)
    if (!finger) return
    if (isReading) {
      rest(event)
      return
    }
    if (fingers.size === 1 && Math.abs(event.clientX - finger.x) < restPxMax) return
    clearTimeout(resting)
    finger.share = chartOf().shareAt(event.clientX)
    charts.zoomTo(between([...fingers.values()], charts.view, charts.shown))
  })
  const leave = ({ pointerId }) => {
    if (!fingers.delete(pointerId)) return
    clearTimeout(resting)
    hold()
  }
  host.addEventListener('pointerup', leave)
  host.addEventListener('pointercancel', leave)
  // While a finger reads, the page stands still.
  host.addEventListener(
    'touchmove',
    (event) => {
      if (isReading) event.preventDefault()
    },
    { passive: false },
  )
  host.addEventListener('contextmenu', (event) => {
    if (fingers.size > 0) event.preventDefault()
  })
}
