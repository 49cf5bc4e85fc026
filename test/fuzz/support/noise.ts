/** An element of the list. */
export function oneOf<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

const texts = [
  '',
  '0',
  '-1',
  '1e400',
  '1e-400',
  '0x10',
  'NaN',
  'Infinity',
  '9'.repeat(400),
  '77302.99',
  '0.00000001',
  '\u0000',
  '\ud800',
  'BTC-USD',
  'constructor',
  '__proto__',
  'buy',
  'sell',
  '2026-01-01T00:00:00.000001Z',
  '2026-02-30T00:00:00Z',
  '2025-02-29T23:59:59.999999Z',
  '2026-01-01T24:00:00Z',
  '10000-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  '2026-01-01T00:00:00+00:00',
  '2026-01-01',
]
const numbers = [0, -1, 1, 1.5, 1e12, 1e12 + 1, 2 ** 53, 2 ** 64, 1e300, 5e-324]

/** JSON text of anything: what is wrong in kind, in size or in depth among it. */
export function noisyJson(random: () => number): string {
  const kind = random()
  if (kind < 0.4) return JSON.stringify(oneOf(random, texts))
  if (kind < 0.7) return String(oneOf(random, numbers))
  if (kind < 0.8) return oneOf(random, ['null', 'true', 'false', '[]', '{}'])
  const [open, close] = oneOf(random, [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const)
  const depth = random() < 0.05 ? 10_000 : Math.floor(random() * 5)
  return `${open.repeat(depth)}${JSON.stringify(oneOf(random, texts))}${close.repeat(depth)}`
}

/** The text with some bytes set, cut off, or repeated. */
export function damaged(random: () => number, text: string): Buffer {
  const bytes = Buffer.from(text)
  const at = Math.floor(random() * bytes.length)
  const kind = random()
  if (kind < 0.4) bytes[at] = Math.floor(random() * 256)
  if (kind < 0.6) return bytes.subarray(0, at)
  return kind < 0.8
    ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.floor(random() * at))])
    : bytes
}
