import { describe, expect, test } from 'vitest'
import {
  chosenMarket,
  marketSettings,
  seedOf,
  syntheticMarketSettings,
} from '../../../pipelines/market/market-settings.ts'
import { clickhouseConnector } from '../../../src/app/clickhouse-connector.ts'
import { readConfig } from '../../../src/app/program-options.ts'

const crypto = {
  name: 'crypto',
  summary: 'a market',
  settings: marketSettings,
  check: chosenMarket,
  connectors: { clickhouse: clickhouseConnector },
  topology: () => ({ name: 'crypto', nodes: [] }),
}

function read(args: readonly string[] = [], env: Record<string, string> = {}) {
  const told = readConfig(crypto, args, env)
  if ('help' in told) throw new Error('help was not asked for')
  return { ...told.config, market: chosenMarket(told.config), productsChosen: told.chosen.has('products') }
}

describe('the configuration', () => {
  test('has the defaults of the contract', () => {
    expect(read()).toMatchObject({
      products: ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD', 'DOGE-USD'],
      backfillMaxTrades: 100_000,
      kafkaBrokers: undefined,
      clickhouseUrl: undefined,
      dataDir: './data',
      host: '127.0.0.1',
      port: 8502,
      logLevel: 'info',
      market: { kind: 'live' },
      productsChosen: false,
    })
  })

  test('prefers a flag to its variable', () => {
    expect(read(['--port', '0'], { PORT: '9000' }).port).toBe(0)
    expect(read([], { PORT: '9000' }).port).toBe(9000)
  })

  test('takes an empty variable as one that is not set, but for the products', () => {
    expect(read([], { KAFKA_BROKERS: '', PORT: '' })).toMatchObject({ kafkaBrokers: undefined, port: 8502 })
  })

  test.each([
    [[], { PRODUCTS: '' }, 'PRODUCTS is ""'],
    [['--products', ''], {}, '--products (PRODUCTS) is ""'],
    [[], { PRODUCTS: 'BTC-USD,BTC-EUR' }, 'no two of one symbol'],
    [[], { PRODUCTS: 'btc' }, 'PRODUCTS is "btc"'],
    [['--port', '65536'], {}, '--port (PORT) is "65536", but it must be a whole number from 0 to 65535'],
    [[], { PORT: '-1' }, 'PORT is "-1"'],
    [[], { BACKFILL_MAX_TRADES: '1e9' }, 'BACKFILL_MAX_TRADES is "1e9"'],
    [
      [],
      { KAFKA_BROKERS: 'localhost' },
      'KAFKA_BROKERS is "localhost", but it must be a comma list of host:port',
    ],
    [[], { KAFKA_BROKERS: 'localhost:0' }, 'KAFKA_BROKERS is "localhost:0"'],
    [[], { KAFKA_BROKERS: 'a:9092,b:99999' }, 'KAFKA_BROKERS is "a:9092,b:99999"'],
    [[], { CLICKHOUSE_URL: 'localhost:8123' }, 'CLICKHOUSE_URL is "localhost:8123"'],
    [[], { LOG_LEVEL: 'loud' }, 'LOG_LEVEL is "loud"'],
    [
      [],
      { KAFKA_BROKERS: 'k:9092', KAFKA_SASL_MECHANISM: 'plain', KAFKA_USERNAME: 'u' },
      'KAFKA_PASSWORD is not set',
    ],
    [[], { KAFKA_BROKERS: 'k:9092', KAFKA_USERNAME: 'u' }, 'KAFKA_SASL_MECHANISM is not set'],
    [['--simulate', 'x'], {}, '--simulate is "x"'],
    [['--simulate', '--replay', 'f'], {}, 'exclude each other'],
    [['--replay', 'f', '--speed', '0'], {}, '--speed is "0"'],
    [['--speed', '2'], {}, '--speed goes with --replay'],
    [['--bogus'], {}, "unknown option '--bogus'"],
    [['extra'], {}, 'too many arguments'],
  ])('says what is wrong with %j %j', (args, env, message) => {
    expect(() => read(args, env as Record<string, string>)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(message) }),
    )
  })

  test('never shows a password', () => {
    expect(() => read([], { KAFKA_PASSWORD: 'hunter2' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })

  test('chooses a market by flags', () => {
    expect(read(['--simulate']).market).toEqual({ kind: 'simulated', seed: 1 })
    expect(read(['--simulate', '7']).market).toEqual({ kind: 'simulated', seed: 7 })
    expect(read(['--replay', 'f.jsonl']).market).toEqual({ kind: 'replayed', file: 'f.jsonl', speed: 1 })
    expect(read(['--replay', 'f', '--speed', 'max']).market).toEqual({
      kind: 'replayed',
      file: 'f',
      speed: Number.POSITIVE_INFINITY,
    })
  })

  test('gives a market that is synthetic always its seed', () => {
    const told = readConfig(
      { ...crypto, check: seedOf, settings: syntheticMarketSettings },
      ['--simulate'],
      {},
    )
    expect('config' in told && seedOf(told.config)).toBe(1)
  })

  test('lists each flag with its variable and default', () => {
    const answer = readConfig(crypto, ['--help'], {})
    const help = 'help' in answer ? answer.help.replaceAll(/\s+/g, ' ') : ''
    for (const variable of [
      'PRODUCTS',
      'COINBASE_WS_URL',
      'COINBASE_REST_URL',
      'BACKFILL_MAX_TRADES',
      'KAFKA_BROKERS',
      'KAFKA_SSL',
      'KAFKA_SASL_MECHANISM',
      'KAFKA_USERNAME',
      'KAFKA_PASSWORD',
      'CLICKHOUSE_URL',
      'CLICKHOUSE_USER',
      'CLICKHOUSE_PASSWORD',
      'DATA_DIR',
      'HOST',
      'PORT',
      'LOG_LEVEL',
    ]) {
      expect(help).toMatch(
        new RegExp(`--${variable.toLowerCase().replaceAll('_', '-')}\\b[^()]*\\(${variable}; default`),
      )
    }
    expect(help).toContain('--simulate [seed]')
    expect(help).toContain('--replay <file>')
  })
})
