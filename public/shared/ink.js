// The colours and letters of charts.

// Told apart by those who see few colours, too (after Okabe and Ito), and at 3:1 against both light and dark.
const lineColours = ['#2f81d6', '#c8701a', '#12907a', '#b565c9', '#a68500', '#d6527a', '#5f7d95', '#6f9127']

/** Of one of several lines. */
export const lineColour = (i) => lineColours[i % lineColours.length]

/** Of the style sheet, by their names. To ask for one has the browser find the styles of all that has changed. */
const known = new Map()

/** They are another theme's from now on. */
export const forgetStyles = () => known.clear()

/** As the style sheet has it, such as `--accent`. */
export const pageColour = (name) => pageStyle(name)

export const pageFont = (sizePx) => `${sizePx}px ${pageStyle('font-family') || 'sans-serif'}`

function pageStyle(name) {
  if (!known.has(name))
    known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim())
  return known.get(name)
}
