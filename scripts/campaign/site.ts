import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Clock, silentLogger, systemClock } from 'rivulet'
import { type Exchange, startExchange } from '../../pipelines/market/exchange-server/exchange.ts'
import type { Market } from '../../pipelines/market/exchange-server/market.ts'
import { simulatedMarket } from '../../pipelines/market/exchange-server/simulated-market.ts'
import { symbolOf } from '../../pipelines/market/trade.ts'
import { ClickHouseFront } from '../../test/support/clickhouse-http.ts'
import type { Audit, AuditPlace } from './audit.ts'
import { type KafkaKind, type OuterKafka, outerKafka } from './outer-kafka.ts'
import { Program } from './program.ts'

export interface SiteOptions {
  readonly kafka: KafkaKind
  /** The module of the programs. */
  readonly entry: string
  /** Whether ClickHouse stands outside of the program, behind its HTTP interface, so that several can use it. */
  readonly server?: boolean
}

export interface StartOptions {
  /** A module that is loaded before the program. */
  readonly preload?: string
  readonly env?: Readonly<Record<string, string>>
}

const products = [
  ...['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD', 'DOGE-USD'],
  ...['ADA-USD', 'LTC-USD', 'DOT-USD', 'UNI-USD', 'AVAX-USD'],
]
const auditMsMax = 120_000
/** Longer than rows may wait for others, and candles for theirs. */
const quietMs = 4_000
const caughtUpMsMax = 180_000

/** An exchange, a Kafka and a ClickHouse on this machine, and the programs that are started between them. */
export class Site {
  readonly kafka: OuterKafka | undefined
  readonly front: ClickHouseFront | undefined
  readonly #dir: string
  readonly #entry: string
  readonly #market: Market
  readonly #exchange: Exchange
  readonly #time: { endsMs: number }
  readonly #programs = new Set<Program>()
  #made = 0

  private constructor(parts: {
    readonly dir: string
    readonly entry: string
    readonly market: Market
    readonly exchange: Exchange
    readonly time: { endsMs: number }
    readonly kafka: OuterKafka | undefined
    readonly front: ClickHouseFront | undefined
  }) {
    this.#dir = parts.dir
    this.#entry = parts.entry
    this.#market = parts.market
    this.#exchange = parts.exchange
    this.#time = parts.time
    this.kafka = parts.kafka
    this.front = parts.front
  }

  static async open({ kafka: kind, entry, server = false }: SiteOptions): Promise<Site> {
    const dir = mkdtempSync(join(tmpdir(), 'rivulet-campaign-'))
    const time = { endsMs: Number.POSITIVE_INFINITY }
    const clock: Clock = { ...systemClock, now: () => Math.min(systemClock.now(), time.endsMs) }
    const market = simulatedMarket({ seed: 1, clock, products })
    const exchange = await startExchange({ market, clock, logger: silentLogger })
    const front = server ? await ClickHouseFront.start({ path: join(dir, 'clickhouse') }) : undefined
    const kafka = await outerKafka(kind, join(dir, 'broker'))
    return new Site({ dir, entry, market, exchange, time, kafka, front })
  }

  /** Starts a program; it is not waited for. Who comes back under a name has the data of the one before. */
  start(name = 'program', { preload, env }: StartOptions = {}): Program {
    const program = new Program({
      name: `${name} ${++this.#made}`,
      entry: this.#entry,
      preload,
      env: {
        DATA_DIR: join(this.#dir, name),
        PRODUCTS: products.join(','),
        COINBASE_WS_URL: this.#exchange.wsUrl,
        COINBASE_REST_URL: this.#exchange.restUrl,
        ...(this.kafka && { KAFKA_BROKERS: this.kafka.brokers }),
        ...(this.front && { CLICKHOUSE_URL: this.front.url }),
        ...env,
      },
    })
    this.#programs.add(program)
    return program
  }

  /** Lets the market end, the program catch up with it and stop, and looks at what is there. */
  async audit(name = 'program'): Promise<Audit> {
    const last = this.start(name)
    await last.ready()
    await last.settled(0, caughtUpMsMax)
    // From here on nothing happens any more at the exchange, but it still tells what has.
    this.#time.endsMs = systemClock.now()
    await last.settled(quietMs, caughtUpMsMax)
    const code = await last.stop()
    if (code !== 0) throw new Error(`${last.name} ended with ${code}\n${last.log}`)
    return this.#behind(await this.#look(name))
  }

  async close(): Promise<void> {
    for (const program of this.#programs) if (program.isRunning) await program.kill()
    await this.#exchange.close()
    await this.kafka?.close()
    await this.front?.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #look(name: string): Promise<Audit> {
    const data = join(this.#dir, name, 'live')
    const place: AuditPlace = {
      ...(this.kafka ? { kafkaBrokers: this.kafka.brokers } : { brokerDir: join(data, 'broker') }),
      ...(this.front ? { clickhouseUrl: this.front.url } : { clickhouseDir: join(data, 'clickhouse') }),
    }
    const auditor = fileURLToPath(new URL('audit.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', auditor, JSON.stringify(place)],
      { timeout: auditMsMax, maxBuffer: 16 * 1024 * 1024 },
    )
    return JSON.parse(stdout) as Audit
  }

  /** What the exchange has made and the topic has not is lost as well. */
  #behind(audit: Audit): Audit {
    let { tradesLost } = audit
    const findings = [...audit.findings]
    for (const product of products) {
      const [made, written] = [
        this.#market.lastTrade(product)?.tradeId ?? 0,
        audit.lastIds[symbolOf(product)] ?? 0,
      ]
      if (written >= made) continue
      tradesLost += made - written
      findings.push(`trades ${product} ${written + 1} to ${made} never came`)
    }
    return { ...audit, tradesLost, findings }
  }
}
