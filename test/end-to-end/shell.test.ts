import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runProgram, startProgram } from '../support/program.ts'
import { expectNoGaps, programFolder } from '../support/program-folder.ts'

const slow = { timeout: 120_000 }
const folder = programFolder()

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
    const { code, stdout, stderr } = await runProgram('crypto', args, { DATA_DIR: folder.path, ...env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(sentence.replaceAll('"', stderr.startsWith('{') ? '\\"' : '"'))
  })

  test('exits with 1 when the port is in use, and says so', slow, async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stdout, stderr } = await runProgram('crypto', ['--simulate', '--port', port], {
      DATA_DIR: folder.path,
    })
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use`)
  })

  test('exits with 1 when the data folder can not be made', slow, async () => {
    writeFileSync(join(folder.path, 'file'), '')
    const { code, stderr } = await runProgram('crypto', ['--simulate'], {
      DATA_DIR: join(folder.path, 'file', 'data'),
    })
    expect(code).toBe(1)
    expect(stderr).toContain("can't be used")
  })

  test('refuses a second process on its data folder, with the pid of the first', slow, async () => {
    const first = await folder.start(['--simulate'])
    const { code, stderr } = await runProgram('crypto', ['--simulate'], { DATA_DIR: folder.path })
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by process ${first.pid}`)
    expect(await first.stop('SIGINT')).toBe(0)
  })

  test('serves without a network, says once that Coinbase is away, and how to go on', slow, async () => {
    const program = await folder.start([], {
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

describe('a restart on the same data folder', () => {
  test('goes on behind the last trade of each product, without a gap', slow, async () => {
    let counted = 0
    const startAndTrade = async () => {
      const program = await folder.start(['--simulate'])
      const wanted = counted + 40
      const answer = await program.until<{ count: number }>('/api/count', ({ count }) => count >= wanted)
      counted = answer.count
      return program
    }
    for (let run = 0; run < 2; run++) {
      const program = await startAndTrade()
      expect(await program.stop()).toBe(0)
    }
    const program = await startAndTrade()
    await expectNoGaps(program)
    const { counters } = await program.get<{ counters: Record<string, number> }>('/api/pipeline')
    expect(counters).toMatchObject({ gaps: 0, late: 0 })
    expect(await program.stop()).toBe(0)
  })
})

test('the synthetic stock market is served, under its own name, and stops in order', slow, async () => {
  const program = await startProgram('stocks', [], { DATA_DIR: folder.path })
  try {
    const symbols = await program.until<string[]>('/api/symbols', (answer) => answer.length === 5)
    expect(symbols).toEqual(['AAPL', 'AMZN', 'GOOGL', 'META', 'MSFT'])
    const page = await fetch(program.url)
    expect(page.headers.get('x-rivulet-market')).toBe('simulated')
    expect(await page.text()).toContain('Synthetic market, seed 1')
    expect(program.log()).toContain('Synthetic market, seed 1')
    expect(program.log()).not.toContain('BTC-USD')
    expect(await program.stop()).toBe(0)
  } finally {
    await program.stop('SIGKILL')
  }
})
