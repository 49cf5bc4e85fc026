/** A well mixed 32-bit number for each pair: random access into endless random streams. `at` may exceed 32 bits. */
export function hash(seed: number, at: number): number {
  return mix(mix(seed ^ (at >>> 0)) + Math.floor(at / 2 ** 32) + 0x9e3779b9)
}

/** The same as a number in [0, 1). */
export function uniform(seed: number, at: number): number {
  return hash(seed, at) / 2 ** 32
}

export function hashText(text: string): number {
  let h = 0
  for (const char of text) h = mix(h ^ (char.codePointAt(0) ?? 0))
  return h
}

/** A seeded generator of numbers in [0, 1). Source: mulberry32, public domain. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Normally distributed, mean 0, deviation 1 (Box and Muller). */
export function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function mix(value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
