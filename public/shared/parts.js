// The page's parts, each shown by itself: a fault in one is said, and the others are shown all the same.

/** What can't be shown: the messages, by the parts' names. */
export const faults = new Map()

export function show(part, draw) {
  try {
    draw()
    faults.delete(part)
  } catch (error) {
    tell(part, error)
  }
}

/** On the console once, however often it is tried again. */
export function tell(part, error) {
  if (faults.get(part) !== error.message) reportError(error)
  faults.set(part, error.message)
}

/** What can't be shown, in words; null: nothing. */
export function faultsText() {
  if (faults.size === 0) return null
  const parts = [...faults].map(([part, message]) => `The ${part} can't be shown (${message}).`)
  return `${parts.join(' ')} The rest of the page goes on.`
}
