import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { patientlyFor } from '../../src/clickhouse/patiently.ts'
import { createClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'

test('tells why each try has failed, and that one has succeeded', async () => {
  const scheduler = new VirtualTimeScheduler()
  const told: (string | undefined)[] = []
  const patiently = patientlyFor(
    'shop.orders',
    { initialMs: 100, waitMsMax: 1_000 },
    {
      clock: createClock(scheduler, () => 0.5),
      logger: silentLogger,
      signal: new AbortController().signal,
      tried: (reason) => told.push(reason),
    },
  )
  let tries = 0
  const done = patiently(async () => {
    tries++
    if (tries < 3) throw new RivuletError('CLICKHOUSE_UNREACHABLE', `away ${tries}`, { retryable: true })
    return 'written'
  })
  for (let turn = 0; turn < 20; turn++) {
    await new Promise(setImmediate)
    scheduler.flush()
  }
  expect(await done).toBe('written')
  expect(told).toEqual(['away 1', 'away 2', undefined])
})
