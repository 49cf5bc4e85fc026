import * as v from 'valibot'
import { isRetryable, RivuletError } from '../../src/errors.ts'
import { changeSerde } from '../../src/serdes/change-serde.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { shape } from '../../src/serdes/shape.ts'
import { windowedSerde } from '../../src/windows/windowed-serde.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'serdes'

const tick = { symbol: 'BTC', price: 77302.99, side: 'buy', id: 73314510714175, note: 'ä "quoted" \\ 😀' }
const checks: readonly ((input: Buffer) => void)[] = [
  checkOf(serdes.string),
  checkOf(serdes.long),
  checkOf(serdes.bigint),
  checkOf(serdes.int32),
  checkOf(serdes.double),
  checkOf(serdes.date),
  checkOf(serdes.uuid),
  checkOf(serdes.bytes),
  checkOf(serdes.json()),
  checkOf(serdes.jsonBigint()),
  checkOf(serdes.json(v.object({ price: v.pipe(v.number(), v.minValue(0)), symbol: v.string() }))),
  checkOf(shape({ symbol: 'string', price: 'number', side: ['buy', 'sell'], id: 'number', note: 'string' })),
  checkOf(windowedSerde(serdes.string)),
  checkOf(changeSerde(serdes.long)),
]

const snippets = [
  ...[
    '73314510714175488',
    '1e400',
    '-0',
    '1e999999',
    '[[[[',
    '{"a":',
    '\\ud800',
    '\\u0000',
    '"',
    'null',
    '0x1',
    '𝟘',
  ],
  ...[
    '2026-02-30',
    '2026-02-29T25:00Z',
    '__proto__',
    'toJSON',
    '\ufeff',
    'NaN',
    '[1,]',
    '1'.repeat(400),
    ' '.repeat(9),
  ],
]

/** Bytes are a value, which can be written again and comes back, or are refused as `DECODE_FAILED`, in few words. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const check = dice.pick(checks)
  const input = inputOf(dice)
  await withInput(input, () => check(input))
}

function checkOf<T>(serde: Serde<T>): (input: Buffer) => void {
  return (input) => {
    for (const read of [() => serde.deserialize(input), () => serde.fromText?.(input.toString())]) {
      const value = readBy(read)
      if (value === undefined) continue
      const written = serde.serialize(value)
      const again = serde.serialize(serde.deserialize(written))
      if (!again.equals(written)) throw new Error(`${serde.name}: ${written} comes back as ${again}`)
    }
  }
}

function inputOf(dice: Dice): Buffer {
  if (dice.chance(0.1)) return dice.bytes(dice.pick([4, 8, 16, 24]))
  if (dice.chance(0.05)) return nested(dice)
  const text = JSON.stringify(tick)
  const at = dice.int(text.length)
  const altered = dice.chance(0.7)
    ? text.slice(0, at) + dice.pick(snippets) + text.slice(at + dice.int(4))
    : text
  const field = altered.replace(dice.pick(['77302.99', '"BTC"', '73314510714175']), dice.pick(snippets))
  const bytes = Buffer.from(dice.chance(0.5) ? field : altered)
  return dice.chance(0.4) ? dice.mutated(bytes) : bytes
}

function nested(dice: Dice): Buffer {
  const [open, close] = dice.pick([['[', ']'] as const, ['{"a":', '}'] as const])
  const depth = dice.pick([100, 999, 1_001, 5_000, 50_000])
  const value = open.repeat(depth) + (open === '[' ? '' : '1') + close.repeat(depth)
  return Buffer.from(dice.chance(0.5) ? value : JSON.stringify(tick).replace('77302.99', value))
}

/** Undefined: it was refused, as it should be. */
function readBy<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof RivuletError) || error.code !== 'DECODE_FAILED' || isRetryable(error)) throw error
    if (error.message.length > 5_000) throw new Error(`a reason of ${error.message.length} characters`)
    return undefined
  }
}
