import { execFileSync } from 'node:child_process'
import { appendFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startExchange } from '../../pipelines/market/exchange-server/exchange.ts'
import { simulatedMarket } from '../../pipelines/market/exchange-server/simulated-market.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { interruptProgram, runProgram } from '../support/program.ts'
import { expectNoGaps, programFolder } from '../support/program-folder.ts'

const slow = { timeout: 120_000 }
/** Nobody listens there. */
const away = '127.0.0.1:9'
const folder = programFolder()

const atLeast = (count: number) => (answer: { count: number }) => answer.count >= count

function newestSegment(topic: string): string {
  const topics = join(folder.path, 'simulated-1', 'broker', 'topics')
  const name = readdirSync(topics).find((each) => each.startsWith(`${topic}.`)) as string
  const segments = readdirSync(join(topics, name, '0')).filter((each) => each.endsWith('.log'))
  return join(topics, name, '0', segments.sort().at(-1) as string)
}

describe('a signal', () => {
  test.for([
    ['Kafka', { KAFKA_BROKERS: away }, /can't ask kafka/i],
    ['ClickHouse', { CLICKHOUSE_URL: `http://${away}` }, /ClickHouse, table .*trying again/],
  ] as const)('ends a start that waits for %s, with 0', slow, async ([, env, when]) => {
    const signals = ['SIGTERM'] as const
    const { code, elapsedMs, stdout, stderr } = await interruptProgram(
      'crypto',
      ['--simulate'],
      { DATA_DIR: folder.path, ...env },
      { when, signals },
    )
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' })
    // Not the time that writing may take: nothing was read.
    expect(elapsedMs).toBeLessThan(5_000)
    expect(stderr).not.toContain('    at ')
  })

  test('that comes again ends it at once, with 130', slow, async () => {
    const env = { DATA_DIR: folder.path, CLICKHOUSE_URL: `http://${away}` }
    const twice = { when: /trying again/, signals: ['SIGINT', 'SIGTERM'] } as const
    const { code, elapsedMs } = await interruptProgram('crypto', ['--simulate'], env, twice)
    expect(code).toBe(130)
    expect(elapsedMs).toBeLessThan(2_000)
  })

  test('that comes again in the middle of a query of the embedded engine does, too', slow, async () => {
    for (let run = 0; run < 3; run++) {
      const program = await folder.start(['--simulate'])
      await program.until('/api/count', atLeast(5))
      const asked = fetch(new URL('/api/history?minutes=0', program.url)).catch(() => undefined)
      process.kill(program.pid, 'SIGINT')
      const signalledMs = performance.now()
      expect(await program.stop('SIGTERM')).toBe(130)
      expect(performance.now() - signalledMs).toBeLessThan(2_000)
      await asked
    }
  })

  test('ends a start that hangs, within 10 s', slow, async () => {
    const file = join(folder.path, 'endless.jsonl')
    writeFileSync(file, '')
    truncateSync(file, 2 ** 40)
    const once = { when: /reading the recording/, signals: ['SIGTERM'] } as const
    const { code, elapsedMs, stderr } = await interruptProgram(
      'crypto',
      ['--replay', file],
      { DATA_DIR: folder.path },
      once,
    )
    expect(code, stderr).toBe(1)
    expect(elapsedMs).toBeLessThan(10_000)
    expect(stderr).toContain('not everything has ended')
  })

  test('is not held up by a client that is slow, or one that listens', slow, async () => {
    const program = await folder.start(['--simulate'])
    const slowClient = connect(Number(new URL(program.url).port), '127.0.0.1')
    slowClient.on('error', () => {})
    slowClient.write('GET /api/history HTTP/1.1\r\nhost: localhost\r\n')
    const listener = await fetch(new URL('/api/stream', program.url))
    const ended = listener.text()
    const startedMs = performance.now()
    expect(await program.stop()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(await ended).toContain('retry:')
    slowClient.destroy()
  })
})

describe('after a crash', () => {
  test(
    'a torn end of the log is cut, kept beside it and said; no trade is missing or doubled',
    slow,
    async () => {
      const first = await folder.start(['--simulate'])
      await first.until('/api/count', atLeast(30))
      await first.stop('SIGKILL')
      appendFileSync(newestSegment('stock-ticks'), Buffer.alloc(777, 0x5a))
      const second = await folder.start(['--simulate'])
      await second.until('/api/count', atLeast(60))
      await expectNoGaps(second)
      expect(second.log()).toMatch(/Cut the torn tail of a log/)
      expect(await second.stop()).toBe(0)
    },
  )

  test(
    'a log that lost what others have read is refused, and nothing is appended in its place',
    slow,
    async () => {
      const first = await folder.start(['--simulate'])
      await first.until('/api/count', atLeast(30))
      expect(await first.stop()).toBe(0)
      const segment = newestSegment('stock-ticks')
      truncateSync(segment, statSync(segment).size - 300)
      const sizes: number[] = []
      // What was on the disk the broker knows by its recovery points, and without them by what its state rests on.
      for (const why of [
        /stock-ticks\.\d+\/0\/\d+\.log ends or is damaged at byte \d+: offsets \d+ to \d+/,
        /state needs stock-ticks\.\d+\/0 up to offset \d+, but it ends at \d+/,
      ]) {
        const { code, stderr } = await runProgram('crypto', ['--simulate', '--port', '0'], {
          DATA_DIR: folder.path,
        })
        expect(code).toBe(1)
        expect(stderr).toMatch(why)
        expect(stderr).not.toContain('    at ')
        sizes.push(statSync(segment).size)
        for (const slot of ['recovery-points.0', 'recovery-points.1'])
          rmSync(join(segment, '../../../..', slot), { force: true })
      }
      expect(sizes[1]).toBe(sizes[0])
    },
  )
})

test('a product that the exchange rejects is said and shown; the others go on', slow, async () => {
  const market = simulatedMarket({ seed: 1, clock: systemClock })
  const exchange = await startExchange({ market, clock: systemClock, logger: silentLogger })
  try {
    const program = await folder.start([], {
      PRODUCTS: 'BTC-USD,NOPE-USD',
      COINBASE_WS_URL: exchange.wsUrl,
      COINBASE_REST_URL: exchange.restUrl,
    })
    await program.until('/api/count', atLeast(5))
    expect(await program.get('/api/symbols')).toEqual(['BTC'])
    expect(await program.get('/api/pipeline')).toMatchObject({
      market: 'live',
      sources: [{ state: 'live', problem: expect.stringContaining('NOPE-USD') }],
    })
    expect(program.log()).toContain('NOPE-USD is not a valid product')
    expect(await program.stop()).toBe(0)
  } finally {
    await exchange.close()
  }
})

test('a recording that is a pipe is refused with 2 and a sentence', slow, async () => {
  const file = join(folder.path, 'pipe')
  execFileSync('mkfifo', [file])
  const { code, stderr } = await runProgram('crypto', ['--replay', file], { DATA_DIR: folder.path })
  expect(code).toBe(2)
  expect(stderr).toContain('must be a file that can be read')
})

test('a recording of bytes that mean nothing is refused with 2 and a sentence', slow, async () => {
  const file = join(folder.path, 'recording.jsonl')
  writeFileSync(file, Buffer.from([0xff, 0x00, 0x0a, 0xfe]))
  const { code, stderr } = await runProgram('crypto', ['--replay', file], { DATA_DIR: folder.path })
  expect(code).toBe(2)
  expect(stderr).toContain("can't be replayed: there is no trade in it")
})
