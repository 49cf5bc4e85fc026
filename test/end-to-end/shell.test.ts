import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runProgram, type StartedProgram, startProgram } from '../support/program.ts'

const slow = { timeout: 120_000 }
let folder: string
let programs: StartedProgram[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-shell-'))
  programs = []
})

afterEach(async () => {
  for (const program of programs) await program.stop('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StartedProgram> {
  const program = await startProgram('crypto', args, { DATA_DIR: folder, ...env })
  programs.push(program)
  return program
}

describe('a program in the shell', () => {
  test('lists its flags, and exits with 0', slow, async () => {
    const { code, stdout, stderr } = await runProgram('crypto', ['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('--products <list>')
  })

  test.for([
    [[], { PRODUCTS: '' }, 'PRODUCTS is ""'],
    [['--port', 'x'], {}, '--port (PORT) is "x"'],
    [['--replay', '/nowhere.jsonl'], {}, '--replay is "/nowhere.jsonl"'],
  ] as const)('exits with 2 and a sentence for %j %j', slow, async ([args, env, sentence]) => {
    const { code, stdout, stderr } = await runProgram('crypto', args, { DATA_DIR: folder, ...env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(sentence.replaceAll('"', stderr.startsWith('{') ? '\\"' : '"'))
  })

  test('exits with 1 when the port is in use, and says so', slow, async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stdout, stderr } = await runProgram('crypto', ['--simulate', '--port', port], {
      DATA_DIR: folder,
    })
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use`)
  })

  test('exits with 1 when the data folder can not be made', slow, async () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, stderr } = await runProgram('crypto', ['--simulate'], {
      DATA_DIR: join(folder, 'file', 'data'),
    })
    expect(code).toBe(1)
    expect(stderr).toContain("can't be used")
  })

  test('refuses a second process on its data folder, with the pid of the first', slow, async () => {
    const first = await start(['--simulate'])
    const { code, stderr } = await runProgram('crypto', ['--simulate'], { DATA_DIR: folder })
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by process ${first.pid}`)
    expect(await first.stop('SIGINT')).toBe(0)
  })

  test('serves without a network, says once that Coinbase is away, and how to go on', slow, async () => {
    const program = await start([], {
      COINBASE_WS_URL: 'ws://127.0.0.1:9',
      COINBASE_REST_URL: 'http://127.0.0.1:9',
    })
    await program.until<{ sources: { state: string }[] }>(
      '/api/pipeline',
      ({ sources }) => sources[0]?.state === 'waiting',
    )
    expect((await fetch(new URL('/', program.url))).status).toBe(200)
    expect(program.log().match(/can't be reached/g)).toHaveLength(1)
    expect(program.log()).toContain('--simulate')
    expect(await program.stop()).toBe(0)
  })
})

interface TickAnswer {
  readonly symbol: string
  readonly trade_id: number
}

describe('a restart on the same data folder', () => {
  test('goes on behind the last trade of each product, without a gap', slow, async () => {
    const counts: number[] = []
    for (let run = 0; run < 3; run++) {
      const program = await start(['--simulate'])
      const before = counts.at(-1) ?? 0
      const { count } = await program.until<{ count: number }>(
        '/api/count',
        (answer) => answer.count >= before + 40,
      )
      counts.push(count)
      if (run < 2) expect(await program.stop()).toBe(0)
    }
    const program = programs.at(-1) as StartedProgram
    const ticks = await program.get<TickAnswer[]>('/api/recent?limit=1000')
    for (const symbol of await program.get<string[]>('/api/symbols')) {
      const ids = ticks.filter((tick) => tick.symbol === symbol).map(({ trade_id }) => trade_id)
      const newest = Math.max(...ids)
      expect(ids.toSorted((a, b) => b - a)).toEqual(ids.map((_, i) => newest - i))
    }
    const { counters } = await program.get<{ counters: Record<string, number> }>('/api/pipeline')
    expect(counters).toMatchObject({ gaps: 0, late: 0 })
    expect(await program.stop()).toBe(0)
  })
})
