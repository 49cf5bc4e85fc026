// The colours and letters of charts.

// Told apart by those who see few colours, too (after Okabe and Ito), and at 3:1 against both light and dark.
const lineColours = ['#2f81d6', '#c8701a', '#12907a', '#b565c9', '#a68500', '#d6527a', '#5f7d95', '#6f9127']

/** Of one of several lines. */
export const lineColour = (i) => lineColours[i % lineColours.length]

/** As the style sheet has it, such as `--accent`. */
export const pageColour = (name) => pageStyle().getPropertyValue(name).trim()

export const pageFont = (sizePx) => `${sizePx}px ${pageStyle().fontFamily || 'sans-serif'}`

function pageStyle() {
  return getComputedStyle(document.documentElement)
}
