/**
 * Index, in items that are in order, of the first one that does not come before the place; the number of items if all
 * do. Looks at the end, where nearly everything belongs that comes in order, and then by halves.
 */
export function firstNotBefore<T, P>(
  items: readonly T[],
  place: P,
  isBefore: (item: T, place: P) => boolean,
): number {
  const last = items.length - 1
  if (last < 0 || isBefore(items[last] as T, place)) return items.length
  let low = 0
  let high = last
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(items[middle] as T, place)) low = middle + 1
    else high = middle
  }
  return low
}
