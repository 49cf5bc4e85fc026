import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { type ErrorCode, RivuletError } from '../../src/errors.ts'
import { persist } from '../../src/kafka/persist.ts'
import { Trouble } from '../../src/kafka/trouble.ts'
import { silentLogger } from '../../src/logger.ts'

/** What an operator is told of a call that fails for so long. */
async function toldOf(code: ErrorCode, failingMs: number): Promise<(string | undefined)[]> {
  const scheduler = new VirtualTimeScheduler()
  const clock = createClock(scheduler, () => 0.5)
  const told: (string | undefined)[] = []
  const trouble = new Trouble({ clock, logger: silentLogger, onTrouble: (reason) => told.push(reason) })
  const settings = { clock, trouble, logger: silentLogger, brokers: [], clientId: 'test' }
  let isDone = false
  const work = async () => {
    if (clock.now() < failingMs) throw new RivuletError(code, 'not yet', { retryable: true })
  }
  const done = persist(work, { kafka: settings, initialMs: 5 }).then(() => {
    isDone = true
  })
  while (!isDone) {
    await new Promise(setImmediate)
    const next = scheduler.actions[0]
    if (!next) continue
    scheduler.maxFrames = next.delay
    scheduler.flush()
  }
  await done
  return told
}

test('what Kafka answers for up to two seconds, however often it is tried, is said to nobody', async () => {
  expect(await toldOf('KAFKA_FAILED', 1_900)).toEqual([])
})

test('a connection that opens again at once is said to nobody', async () => {
  expect(await toldOf('KAFKA_UNREACHABLE', 200)).toEqual([])
})

test.each(['KAFKA_FAILED', 'KAFKA_UNREACHABLE'] as const)(
  'what takes longer is said, and that it is over: %s',
  async (code) => {
    const told = await toldOf(code, 6_000)
    expect([told[0], told.at(-1)]).toEqual(['not yet', undefined])
  },
)
