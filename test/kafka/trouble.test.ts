import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Trouble } from '../../src/kafka/trouble.ts'
import { silentLogger } from '../../src/logger.ts'

/** At a time that the test sets. */
function troubleAt() {
  const at = { ms: 0, said: [] as (string | number)[][], troubles: [] as (string | undefined)[] }
  const logger = silentLogger.child({})
  logger.warn = (sentence: unknown) => at.said.push([at.ms, String(sentence)])
  logger.info = (_: unknown, sentence?: unknown) => at.said.push([at.ms, String(sentence)])
  const trouble = new Trouble({
    clock: { ...systemClock, now: () => at.ms },
    logger,
    onTrouble: (reason) => at.troubles.push(reason),
  })
  return { at, trouble }
}

test('is said at once, then ever more rarely, whoever says it', () => {
  const { at, trouble } = troubleAt()
  for (let call = 0; call < 3; call++) trouble.begin()
  for (; at.ms <= 200_000; at.ms += 500) for (const call of ['one', 'two', 'three']) trouble.say(call)
  expect(at.said.map(([ms]) => ms)).toEqual([
    0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000,
  ])
  expect(at.said[0]).toEqual([0, 'one; trying again'])
  expect(at.troubles[0]).toBe('one')
})

test('is over when the last call that has failed is done', () => {
  const { at, trouble } = troubleAt()
  trouble.begin()
  trouble.begin()
  trouble.say('away')
  at.ms = 500
  trouble.end({ answered: true })
  expect(at.troubles).toEqual(['away'])
  at.ms = 700
  trouble.end({ answered: true })
  expect(at.troubles).toEqual(['away', undefined])
  expect(at.said).toEqual([
    [0, 'away; trying again'],
    [700, 'Kafka answers again'],
  ])
})

test('is said at once when it comes again', () => {
  const { at, trouble } = troubleAt()
  for (const ms of [0, 100]) {
    at.ms = ms
    trouble.begin()
    trouble.say('away')
    trouble.end({ answered: false })
  }
  expect(at.said).toEqual([
    [0, 'away; trying again'],
    [100, 'away; trying again'],
  ])
  expect(at.troubles).toEqual(['away', undefined, 'away', undefined])
})

test('of what nobody ends is said, and said at once again after it was quiet', () => {
  const { at, trouble } = troubleAt()
  for (const ms of [0, 500, 31_000]) {
    at.ms = ms
    trouble.say('no coordinator')
  }
  expect(at.said.map(([ms]) => ms)).toEqual([0, 31_000])
  expect(at.troubles).toEqual([])
})
