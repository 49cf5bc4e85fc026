import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

interface Candles {
  readonly bySymbol: Map<string, { times: number[]; close: number[] }>
  readonly revision: number
  query(view: View | null, shown: View, interval: number): string | null
  add(answer: { interval: number; series: Record<string, object> }): void
}

interface View {
  readonly min: number
  readonly max: number
}

const { Candles } = await pageModule<{ Candles: new () => Candles }>('candles.js')

const columns = (times: readonly number[], close: readonly number[]) => ({
  BTC: { times, open: close, high: close, low: close, close, volume: close },
})
const shown = { min: 6_010, max: 9_610 }

test('loads what is shown, grows by what is new, and is the same while nothing is', () => {
  const candles = new Candles()
  expect(candles.query(null, shown, 60)).toBe('from=6000000&interval=60&points=1500&format=columns')
  candles.add({ interval: 300, series: columns([9_000, 9_300], [1, 2]) })
  // The server has chosen a longer one.
  expect(candles.query(null, shown, 60)).toBe('from=9000000&interval=300&format=columns')
  const more = { interval: 300, series: columns([9_000, 9_300, 9_600], [1, 3, 4]) }
  candles.add(more)
  expect(candles.bySymbol.get('BTC')).toMatchObject({ times: [9_000, 9_300, 9_600], close: [1, 3, 4] })
  const { revision } = candles
  candles.add(more)
  expect(candles.revision).toBe(revision)
})

test('loads a time that is looked at with some more around it, once', () => {
  const candles = new Candles()
  const view = { min: 3_000, max: 3_600 }
  expect(candles.query(view, shown, 60)).toBe(
    'from=2400000&to=4200000&interval=60&points=1500&format=columns',
  )
  candles.add({ interval: 60, series: columns([3_000], [1]) })
  expect(candles.query(view, shown, 60)).toBeNull()
  expect(candles.query({ min: 2_500, max: 3_100 }, shown, 60)).toBeNull()
  expect(candles.query({ min: 2_300, max: 2_900 }, shown, 60)).not.toBeNull()
  expect(candles.query(view, shown, 300)).toContain('interval=300')
})

test('asks for all again until there are some', () => {
  const candles = new Candles()
  const query = candles.query(null, { min: Number.NEGATIVE_INFINITY, max: 9_600 }, 60)
  expect(query).toBe('minutes=0&interval=60&points=1500&format=columns')
  candles.add({ interval: 60, series: {} })
  expect(candles.query(null, { min: Number.NEGATIVE_INFINITY, max: 9_600 }, 60)).toBe(query)
})
