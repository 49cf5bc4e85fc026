import { serdes } from '../../src/serdes/serdes.ts'
import { type Topic, topic } from '../../src/stream/topic.ts'
import { type Declare, type Topology, topology } from '../../src/stream/topology.ts'
import { TestDriver, type TestDriverOptions } from '../../src/testing/test-driver.ts'

const nullableText = serdes.nullable(serdes.string)

/** A topic of strings; both keys and values may be null. */
export function text(name: string): Topic<string | null, string | null> {
  return topic(name, { key: nullableText, value: nullableText })
}

export const out = text('out')

/**
 * Drives a topology with records written as `topic:key=value@timestampMs`, a null key or value left empty, or with
 * `wall+ms`; answers what came out after each step, as `key=value@timestampMs`.
 */
export class Drive {
  readonly driver: TestDriver

  constructor(declare: (declare: Declare) => void, options?: TestDriverOptions) {
    this.driver = new TestDriver(topologyOf(declare), options)
  }

  get dropped(): number {
    return this.driver.dropped
  }

  step(...steps: readonly string[]): string[][] {
    return steps.map((written) => {
      const wall = /^wall\+(\d+)$/.exec(written)
      if (wall) this.driver.advanceWallClock(Number(wall[1]))
      else this.driver.pipe(...recordOf(written))
      return this.driver
        .readAll()
        .map(({ key, value, timestampMs }) => `${show(key)}=${show(value)}@${timestampMs}`)
    })
  }
}

export function topologyOf(declare: (declare: Declare) => void): Topology {
  return topology('app', declare)
}

function recordOf(written: string) {
  const parsed = /^(\w+):([^=]*)=(.*)@(\d+)$/.exec(written)
  if (!parsed) throw new Error(`no record: ${written}`)
  const [, name = '', key, value, timestamp] = parsed
  return [name, { key: key || null, value: value || null, timestampMs: Number(timestamp) }] as const
}

function show(x: unknown): string {
  return x === null ? '' : typeof x === 'object' ? JSON.stringify(x) : String(x)
}
