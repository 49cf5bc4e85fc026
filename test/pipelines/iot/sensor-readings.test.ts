import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { simulatedHub } from '../../../pipelines/iot/simulated-hub.ts'
import { createClock } from '../../../src/clock.ts'
import { sourceContract } from '../../../src/testing/index.ts'
import { HandHub } from './hand-hub.ts'

const checks = sourceContract({
  open: () => new HandHub(),
  numberOf: ({ celsius }) => celsius,
  record: (reading) => ({ key: reading.device, value: reading }),
  quietMs: 5,
})

describe('the source of readings', () => {
  for (const { name, run } of checks) test(name, run)
})

describe('the simulated hub', () => {
  function started(after: ReadonlyMap<string, number>) {
    const scheduler = new VirtualTimeScheduler()
    scheduler.frame = 100_000
    const hub = simulatedHub({
      devices: ['boiler', 'cellar'],
      everyMs: 1_000,
      keptMax: 5,
      clock: createClock(scheduler),
    })
    const heard: string[] = []
    const connection = hub.connect({
      after,
      heard: ({ device, sequence }) => heard.push(`${device} ${sequence}`),
      broken: () => {},
    })
    return {
      heard,
      connection,
      untilMs(ms: number) {
        scheduler.maxFrames = ms
        scheduler.flush()
      },
    }
  }

  test('sends what comes from now on to those who know nothing', () => {
    const { heard, connection, untilMs } = started(new Map())
    connection.pause(false)
    expect(heard).toEqual([])
    untilMs(101_000)
    expect(heard).toEqual(['boiler 101', 'cellar 101'])
  })

  test('sends what was missed, as far as it is kept, and nothing while it is paused', () => {
    const { heard, connection, untilMs } = started(
      new Map([
        ['boiler', 98],
        ['cellar', 7],
      ]),
    )
    expect(heard).toEqual([])
    connection.pause(false)
    const missed = ['boiler 99', 'boiler 100', ...[96, 97, 98, 99, 100].map((n) => `cellar ${n}`)]
    expect(heard).toEqual(missed)
    connection.pause(true)
    untilMs(101_000)
    expect(heard).toEqual(missed)
    connection.pause(false)
    expect(heard).toEqual([...missed, 'boiler 101', 'cellar 101'])
  })

  test('sends nothing more when it is closed', () => {
    const { heard, connection, untilMs } = started(new Map())
    connection.pause(false)
    connection.close()
    untilMs(105_000)
    expect(heard).toEqual([])
  })
})
