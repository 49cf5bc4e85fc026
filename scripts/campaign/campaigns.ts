import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../pipelines/market/synthetic/random.ts'
import type { Fault } from '../../test/support/clickhouse-http.ts'
import type { Audit } from './audit.ts'
import { type CrashPoint, crashPoints } from './crash-points.ts'
import type { KafkaKind } from './outer-kafka.ts'
import type { Program } from './program.ts'
import { Site } from './site.ts'

export interface CampaignOptions {
  readonly kafka: KafkaKind
  /** The module of the programs. */
  readonly entry: string
  /** How many faults. */
  readonly times: number
  readonly seed: number
  /** Of a campaign in which something is away: for how long. */
  readonly forMs: number
  /** Told how far it has come. */
  readonly say: (line: string) => void
}

/** Puts programs to faults, and looks at what they have left. */
export type Campaign = (options: CampaignOptions) => Promise<Audit>

const preload = fileURLToPath(new URL('crash-preload.ts', import.meta.url))
const crashMsMax = 30_000
const waits = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A program that comes back as soon as it has been killed, every third time in its start, else at its work. */
export const kills: Campaign = ({ kafka, entry, times, seed, say }) =>
  at({ kafka, entry }, async (site) => {
    const random = seededRandom(seed)
    // With a Kafka outside, nothing happens before the session of the one before has ended.
    const workMs = kafka === 'embedded' ? 4_000 : 16_000
    for (let i = 1; i <= times; i++) {
      const program = site.start()
      if (i % 3 === 0) await alive(program, random() * 3_000)
      else {
        await program.ready()
        await alive(program, random() * workMs)
      }
      await program.kill()
      say(`${i} of ${times} kills`)
    }
  })

/** A program that is killed at one point of its work, again and again. */
export function crashesAt(point: CrashPoint): Campaign {
  const isOfServer = point.endsWith('insert') || point.startsWith('insert')
  return ({ kafka, entry, times, seed, say }) =>
    at({ kafka, entry, server: isOfServer }, async (site) => {
      const random = seededRandom(seed)
      let crashed = 0
      for (let i = 1; crashed < times; i++) {
        if (i > 2 * times) throw new Error(`${point}: reached ${crashed} times in ${i} starts`)
        const after = 1 + Math.floor(random() * crashPoints[point])
        const program = site.start('program', {
          preload,
          env: { CRASH_POINT: point, CRASH_AT: String(after) },
        })
        if (await endedWithin(program, crashMsMax)) {
          if ((await program.ended) !== null)
            throw new Error(`${program.name} ended by itself\n${program.log}`)
          crashed++
          say(`${crashed} of ${times} crashes ${point}`)
        } else await program.kill()
      }
    })
}

/** Two programs share the work; one of them stands still for a while, shorter or longer than its session lasts. */
export const freezes: Campaign = ({ kafka, entry, times, seed, say }) =>
  at({ kafka, entry, server: true }, async (site) => {
    const random = seededRandom(seed)
    const programs = [site.start('one'), site.start('two')]
    for (const program of programs) await program.ready()
    for (let i = 1; i <= times; i++) {
      const program = programs[Math.floor(random() * programs.length)] as Program
      await waits(random() * 3_000)
      program.signal('SIGSTOP')
      await waits(random() ** 2 * 25_000)
      program.signal('SIGCONT')
      say(`${i} of ${times} freezes`)
    }
    await stopAll(programs)
  })

/** The broker dies under load, and comes back. */
export const brokerCrashes: Campaign = ({ kafka, entry, times, seed, say }) =>
  at({ kafka, entry }, async (site) => {
    if (!site.kafka) throw new Error('the broker is in the program: choose --kafka process or apache')
    const random = seededRandom(seed)
    const program = site.start()
    await program.ready()
    for (let i = 1; i <= times; i++) {
      await alive(program, 2_000 + random() * 8_000)
      await site.kafka.crash()
      say(`${i} of ${times} crashes of the broker`)
    }
    await stopAll([program])
  })

/** So many programs on one Kafka and one ClickHouse, of which one is killed, or ended, and comes back. */
export function instances(count: number): Campaign {
  return ({ kafka, entry, times, seed, say }) =>
    at({ kafka, entry, server: true }, async (site) => {
      const random = seededRandom(seed)
      const names = Array.from({ length: count }, (_, i) => `instance-${i + 1}`)
      const programs = names.map((name) => site.start(name))
      for (let i = 1; i <= times; i++) {
        const index = Math.floor(random() * count)
        const program = programs[index] as Program
        await alive(program, random() * 15_000)
        if (random() < 0.3) {
          // A process that has hardly begun knows no SIGTERM yet.
          await program.ready()
          await stopAll([program])
        } else await program.kill()
        programs[index] = site.start(names[index])
        say(`${i} of ${times} restarts of one of ${count}`)
      }
      for (const program of programs) await program.ready()
      await stopAll(programs)
    })
}

const rubbish: readonly Fault[] = [
  { kind: 'error', status: 500, body: '' },
  { kind: 'error', status: 502, body: '<html>Bad gateway</html>' },
  { kind: 'error', status: 200, body: '<html>Please log in</html>' },
  {
    kind: 'error',
    status: 200,
    body: 'Code: 241. DB::Exception: Memory limit (total) exceeded (MEMORY_LIMIT_EXCEEDED)',
  },
  { kind: 'reset', when: 'before' },
  { kind: 'reset', when: 'after' },
]

/** ClickHouse's HTTP interface is down, slow, or answers rubbish, for a while each. */
export const clickhouseFaults: Campaign = ({ kafka, entry, times, seed, forMs, say }) =>
  at({ kafka, entry, server: true }, async (site) => {
    const { front } = site
    if (!front) throw new Error('there is no server')
    const random = seededRandom(seed)
    const program = site.start()
    await program.ready()
    for (let i = 1; i <= times; i++) {
      await alive(program, random() * 3_000)
      const kind = i % 3
      if (kind === 0) await front.down()
      else if (kind === 1) front.fault = () => ({ kind: 'slow', ms: random() * forMs })
      else front.fault = () => rubbish[Math.floor(random() * rubbish.length)]
      await alive(program, forMs)
      front.fault = () => undefined
      if (kind === 0) await front.up()
      say(`${i} of ${times} faults of ClickHouse for ${forMs} ms`)
    }
    await alive(program, 2_000)
    await stopAll([program])
  })

async function at(
  options: Parameters<typeof Site.open>[0],
  work: (site: Site) => Promise<void>,
): Promise<Audit> {
  const site = await Site.open(options)
  try {
    await work(site)
    return await site.audit()
  } finally {
    await site.close()
  }
}

/** Rejects when it has ended by itself before: no fault is a reason for that. */
async function alive(program: Program, ms: number): Promise<void> {
  if (await endedWithin(program, ms)) throw new Error(`${program.name} ended by itself\n${program.log}`)
}

async function endedWithin(program: Program, ms: number): Promise<boolean> {
  return Promise.race([waits(ms).then(() => false), program.ended.then(() => true)])
}

async function stopAll(programs: readonly Program[]): Promise<void> {
  for (const program of programs) {
    const code = await program.stop()
    if (code !== 0) throw new Error(`${program.name} ended with ${code}\n${program.log}`)
  }
}
