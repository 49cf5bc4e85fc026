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
