/** `takeShifts()`: what has moved without the reader's doing since it was asked last, and how much. */
export const recordShifts = `
  let shifts = []
  const take = (entries) => {
    for (const { value, sources } of entries)
      shifts.push({ value, nodes: sources.map(({ node }) => node?.className || node?.nodeName) })
  }
  const observer = new PerformanceObserver((list) => take(list.getEntries()))
  observer.observe({ type: 'layout-shift', buffered: true })
  globalThis.takeShifts = () => {
    take(observer.takeRecords())
    const taken = shifts
    shifts = []
    return taken
  }
`
