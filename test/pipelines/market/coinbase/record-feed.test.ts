import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { coinbaseTrades } from '../../../../pipelines/crypto.ts'
import { recordFeed } from '../../../../pipelines/market/coinbase/record-feed.ts'
import { type Exchange, startExchange } from '../../../../pipelines/market/exchange-server/exchange.ts'
import { replayedMarket } from '../../../../pipelines/market/exchange-server/replayed-market.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { ScriptedMarket } from '../support/scripted-market.ts'
import { range, SourceProbe, until } from '../support/source-probe.ts'

const BTC = 'BTC-USD'

describe('recordFeed', () => {
  let folder: string
  const exchanges: Exchange[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rivulet-record-'))
  })
  afterEach(async () => {
    for (const exchange of exchanges.splice(0)) await exchange.close()
    await rm(folder, { recursive: true })
  })

  async function serve(market: Parameters<typeof startExchange>[0]['market']) {
    const exchange = await startExchange({ market, clock: systemClock, logger: silentLogger })
    exchanges.push(exchange)
    return exchange
  }

  test('appends what comes, over reconnects, in a form that can be replayed', async () => {
    const file = join(folder, 'recording.jsonl')
    await writeFile(file, '{"type":"match","torn by a cra')
    const market = new ScriptedMarket([BTC])
    const { wsUrl, products, dropClients } = await serve(market)
    const stop = new AbortController()
    const recorded = recordFeed({
      file,
      wsUrl,
      products,
      clock: systemClock,
      logger: silentLogger,
      signal: stop.signal,
      reconnectPolicy: { initialMs: 10, waitMsMax: 20 },
    })
    const untilWritten = async (part: string, times = 1) => {
      while ((await readFile(file, 'utf8')).split(part).length <= times) await systemClock.sleep(5)
    }
    market.trade(BTC, 1, { silently: true })
    await untilWritten('"last_match","trade_id":1,')
    market.trade(BTC, 2)
    await untilWritten('"trade_id":3,', 2)
    dropClients()
    await untilWritten('"last_match","trade_id":3,')
    market.trade(BTC, 2)
    await untilWritten('"trade_id":5,', 2)
    stop.abort()
    expect(await recorded).toBeGreaterThanOrEqual(12)

    const replay = await serve(await replayedMarket({ file, speed: Number.POSITIVE_INFINITY }))
    const probe = new SourceProbe().start(coinbaseTrades({ ...replay, products: replay.products }))
    await until(() => probe.ids(BTC).at(-1) === 5)
    probe.stop()
    expect(probe.ids(BTC)).toEqual(range(1, 5))
    expect(probe.deadLetters.map(({ reason }) => reason)).toEqual(['not JSON'])
  })

  test('says when the file can not be written', async () => {
    const { wsUrl, products } = await serve(new ScriptedMarket([BTC]))
    const recording = recordFeed({
      file: join(folder, 'no', 'such', 'folder'),
      wsUrl,
      products,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    })
    await expect(recording).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})
