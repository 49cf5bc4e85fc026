import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { runProcess, startProcess } from '../support/process.ts'

const slow = { timeout: 90_000 }
const tiny = 'test/app/programs/tiny.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'rivulet-tiny-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

/** Starts the tiny program and waits until it is ready. */
async function startTiny(env: Readonly<Record<string, string>> = {}) {
  const process = startProcess(tiny, ['--port', '0'], { DATA_DIR: dataDir, ...env })
  const [, url = ''] = await process.wrote('stdout', /^Ready: (http:\/\/127\.0\.0\.1:\d+\/)\n$/)
  return { ...process, get: (path: string) => fetch(new URL(path, url)) }
}

describe('a program in its own process', () => {
  test('says where it serves, answers what every program answers, and drains on SIGTERM', slow, async () => {
    const program = await startTiny()
    for (const [path, part] of [
      ['/healthz', '{"alive":true}'],
      ['/readyz', '{"ready":true,"parts":[{"kind":"kafka"'],
      ['/metrics', 'rivulet_node_records_total{'],
      ['/api/pipeline', '"topology":"tiny"'],
    ] as const) {
      const answer = await program.get(path)
      expect([path, answer.status]).toEqual([path, 200])
      expect(await answer.text()).toContain(part)
    }
    expect((await program.get('/elsewhere')).status).toBe(404)
    await vi.waitFor(async () => {
      const counts = await (await program.get('/api/stores/words%20seen/so')).json()
      expect(counts).toMatchObject({ key: 'so', value: 2 })
    })
    program.signal('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(program.output.stdout).toMatch(/^Ready: \S+\n$/)
    expect(program.output.stderr).toContain('stopped; everything that was read is written')
  })

  test('ends with 1 where it can not write what it has when it is stopped, and says so', slow, async () => {
    const program = startProcess('test/app/programs/late.ts', ['--port', '0'], { DATA_DIR: dataDir })
    const [, url = ''] = await program.wrote('stdout', /^Ready: (http:\/\/127\.0\.0\.1:\d+\/)\n$/)
    await vi.waitFor(async () => {
      const status = await (await fetch(new URL('api/pipeline', url))).json()
      expect(status).toMatchObject({ sources: [{ owner: expect.stringContaining('late') }] })
    }, 15_000)
    program.signal('SIGTERM')
    expect(await program.ended).toBe(1)
    expect(program.output.stderr).toMatch(
      /1 of what the source .*signals.* has emitted is not in Kafka: .*no room/,
    )
    expect(program.output.stderr).not.toContain('everything that was read is written')
  })

  test('loads nothing of ClickHouse where it has no use for it', slow, async () => {
    const program = await startTiny()
    const loaded = ((await (await program.get('/loaded')).json()) as string[]).join('\n')
    expect(loaded).toContain('/kafkajs/')
    expect(loaded).not.toMatch(/clickhouse|chdb/)
  })

  test('drains on SIGINT, and a second signal ends it at once with 130', slow, async () => {
    const drained = await startTiny()
    drained.signal('SIGINT')
    expect(await drained.ended).toBe(0)

    const cut = await startTiny()
    cut.signal('SIGINT')
    cut.signal('SIGTERM')
    expect(await cut.ended).toBe(130)
  })

  test('lists its flags, exit code 0', slow, async () => {
    const { code, stdout, stderr } = await runProcess(tiny, ['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('--data-dir <folder>')
  })

  test.for([
    [['--port', 'x'], {}, '--port (PORT) is "x", but it must be a whole number from 0 to 65535'],
    [[], { KAFKA_BROKERS: 'here' }, 'KAFKA_BROKERS is "here", but it must be a comma list of host:port'],
    [[], { KAFKA_SSL: 'true' }, 'KAFKA_BROKERS is not set, but KAFKA_SSL is'],
    [
      ['--kafka-listen', 'here'],
      {},
      '--kafka-listen (KAFKA_LISTEN) is "here", but it must be host:port or a port',
    ],
    [[], { KAFKA_LISTEN: '70000' }, 'KAFKA_LISTEN is "70000", but it must be host:port or a port'],
    [
      [],
      { KAFKA_LISTEN: '9092', KAFKA_BROKERS: 'k:9092' },
      'KAFKA_LISTEN says where the embedded broker listens, but',
    ],
    [['--speed', '2'], {}, "unknown option '--speed'"],
  ] as const)('ends with 2 and a sentence for %j %j', slow, async ([args, env, sentence]) => {
    const { code, stdout, stderr } = await runProcess(tiny, args, env)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(sentence)
  })

  test('ends with 1 where its port is in use, and says what else to say', slow, async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stdout, stderr } = await runProcess(tiny, [], { DATA_DIR: dataDir, PORT: port })
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`Port ${port} of 127.0.0.1 is in use.*PORT or --port`))
  })

  test('ends with 1 where the port for Kafka is in use, and says what else to say', slow, async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stderr } = await runProcess(tiny, ['--port', '0'], {
      DATA_DIR: dataDir,
      KAFKA_LISTEN: port,
    })
    other.close()
    expect(code).toBe(1)
    expect(stderr).toContain(
      `port ${port} on 127.0.0.1 is in use by another program (set by KAFKA_LISTEN or --kafka-listen)`,
    )
  })

  test('has its broker where it is told', slow, async () => {
    const program = await startTiny({ KAFKA_LISTEN: 'localhost:0' })
    const [, address = ''] = await program.wrote('stderr', /"brokers":\["(localhost:\d+)"\]/)
    const kafka = connectKafka({ brokers: [address], clientId: 'a tool', logger: silentLogger })
    onTestFinished(() => kafka.close())
    await vi.waitFor(async () => expect((await kafka.admin.partitionCounts(['words'])).get('words')).toBe(1))
  })

  test('ends with 1 where its data folder is in use, with the pid of who has it', slow, async () => {
    const first = await startTiny()
    const { code, stderr } = await runProcess(tiny, ['--port', '0'], { DATA_DIR: dataDir })
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by process ${first.pid}`)
    expect(stderr).toContain('(set by DATA_DIR or --data-dir)')
  })

  test('ends with 1 where its data folder can not be made', slow, async () => {
    writeFileSync(join(dataDir, 'file'), '')
    const { code, stderr } = await runProcess(tiny, [], { DATA_DIR: join(dataDir, 'file', 'data') })
    expect(code).toBe(1)
    expect(stderr).toContain('(set by DATA_DIR or --data-dir)')
  })
})

describe('a broker that is not there', () => {
  test(
    'is said, again ever more rarely, and by /readyz; the program serves, and ends in order',
    slow,
    async () => {
      const process = startProcess(tiny, ['--port', '0'], { DATA_DIR: dataDir, KAFKA_BROKERS: '127.0.0.1:1' })
      await process.wrote(
        'stderr',
        /Can't ask Kafka for its topics: .*ECONNREFUSED 127.0.0.1:1; trying again/,
      )
      const [, url = ''] = await process.wrote('stdout', /^Ready: (\S+)\n$/)
      const answer = await fetch(new URL('/readyz', url))
      expect(answer.status).toBe(503)
      expect(await answer.json()).toMatchObject({
        error: { code: 'NOT_READY', message: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') },
      })
      // It is ready after 10 s: tries number 3, 6 and 12 are said by then.
      expect(process.output.stderr.match(/trying again/g)?.length).toBeLessThanOrEqual(4)
      process.signal('SIGINT')
      expect(await process.ended).toBe(0)
    },
  )

  test('is said within 3 s by a topology that is run without a logger, too', slow, async () => {
    const process = startProcess('test/app/programs/unheard.ts')
    const [, ready] = await process.wrote('stdout', /started (.*)\n/)
    expect(ready).toContain('Kafka has not given the topics yet')
    const startedMs = performance.now()
    await process.wrote('stderr', /Can't ask Kafka for its topics: .*ECONNREFUSED 127.0.0.1:1; trying again/)
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })
})
