import { Command, CommanderError, Option } from 'commander'
import { z } from 'zod'
import { RivuletError } from './errors.ts'
import { logLevels } from './logger.ts'

/** One setting: a variable, and the flag of the same meaning, which wins. */
interface Setting<T> {
  readonly flag: string
  readonly description: string
  /** As a user would write it; absent: none. */
  readonly default?: string
  /** What would be right, said when a value is not. */
  readonly expected: string
  readonly parse: z.ZodType<T, string>
  /** Not shown in messages and `--help`. */
  readonly secret?: boolean
}

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))

const text = z.string().min(1)
const url = (...schemes: readonly string[]) =>
  text.refine((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol))
const list = text.transform((value) => value.split(',').map((item) => item.trim()))

const products = list
  .pipe(
    z
      .array(z.string().regex(/^[A-Z0-9]{1,20}-[A-Z0-9]{1,20}$/))
      .min(1)
      .max(100),
  )
  .refine((of) => new Set(of.map((product) => product.split('-')[0])).size === of.length)

const broker = z
  .string()
  .regex(/^([^\s:]+|\[[\da-f:]+\]):[1-9]\d{0,4}$/i)
  .refine((address) => Number(address.slice(address.lastIndexOf(':') + 1)) <= 65_535)
const brokers = list.pipe(z.array(broker).min(1))

const boolean = z
  .enum(['true', 'false', '1', '0', 'yes', 'no'])
  .transform((value) => ['true', '1', 'yes'].includes(value))

/** Every variable that a program reads. The names are the contract's. */
const settings = {
  PRODUCTS: {
    flag: '--products <list>',
    description: 'products to follow, separated by commas; the symbol is the part before "-"',
    default: 'BTC-USD,ETH-USD,SOL-USD,XRP-USD,DOGE-USD',
    expected: 'a comma list of products such as BTC-USD,ETH-USD, at least one and no two of one symbol',
    parse: products,
  },
  COINBASE_WS_URL: {
    flag: '--coinbase-ws-url <url>',
    description: "Coinbase's WebSocket feed",
    default: 'wss://ws-feed.exchange.coinbase.com',
    expected: 'an address that begins with ws:// or wss://',
    parse: url('ws:', 'wss:'),
  },
  COINBASE_REST_URL: {
    flag: '--coinbase-rest-url <url>',
    description: "Coinbase's REST API",
    default: 'https://api.exchange.coinbase.com',
    expected: 'an address that begins with http:// or https://',
    parse: url('http:', 'https:'),
  },
  BACKFILL_MAX_TRADES: {
    flag: '--backfill-max-trades <n>',
    description:
      'for each product, the longest gap that is fetched whole; of a longer one, the newest trades',
    default: '100000',
    expected: 'a whole number from 0 to 100000000',
    parse: wholeNumber(0, 100_000_000),
  },
  KAFKA_BROKERS: {
    flag: '--kafka-brokers <list>',
    description: 'Kafka to use, host:port separated by commas; without it, the embedded broker',
    expected: 'a comma list of host:port, such as localhost:9092',
    parse: brokers,
  },
  KAFKA_SSL: {
    flag: '--kafka-ssl <boolean>',
    description: 'whether to speak TLS with Kafka',
    default: 'false',
    expected: 'true or false',
    parse: boolean,
  },
  KAFKA_SASL_MECHANISM: {
    flag: '--kafka-sasl-mechanism <name>',
    description: 'how to log in to Kafka; needs KAFKA_USERNAME and KAFKA_PASSWORD',
    expected: 'plain, scram-sha-256 or scram-sha-512',
    parse: text
      .transform((value) => value.toLowerCase())
      .pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
  },
  KAFKA_USERNAME: {
    flag: '--kafka-username <name>',
    description: 'user at Kafka',
    expected: 'a name',
    parse: text,
  },
  KAFKA_PASSWORD: {
    flag: '--kafka-password <password>',
    description: 'password at Kafka',
    expected: 'a password',
    parse: text,
    secret: true,
  },
  CLICKHOUSE_URL: {
    flag: '--clickhouse-url <url>',
    description: 'ClickHouse server to use; without it, the embedded engine',
    expected: 'an address that begins with http:// or https://',
    parse: url('http:', 'https:'),
  },
  CLICKHOUSE_USER: {
    flag: '--clickhouse-user <name>',
    description: 'user at ClickHouse',
    expected: 'a name',
    parse: text,
  },
  CLICKHOUSE_PASSWORD: {
    flag: '--clickhouse-password <password>',
    description: 'password at ClickHouse',
    expected: 'a password',
    parse: text,
    secret: true,
  },
  DATA_DIR: {
    flag: '--data-dir <folder>',
    description: 'where the embedded broker, embedded ClickHouse and state stores keep their data',
    default: './data',
    expected: 'a folder',
    parse: text,
  },
  HOST: {
    flag: '--host <address>',
    description: 'address to serve on',
    default: '127.0.0.1',
    expected: 'an address of this machine',
    parse: text,
  },
  PORT: {
    flag: '--port <n>',
    description: 'port to serve on; 0: any free one',
    default: '8502',
    expected: 'a whole number from 0 to 65535',
    parse: wholeNumber(0, 65_535),
  },
  LOG_LEVEL: {
    flag: '--log-level <level>',
    description: 'least important lines to log',
    default: 'info',
    expected: logLevels.join(', '),
    parse: text.transform((value) => value.toLowerCase()).pipe(z.enum(logLevels)),
  },
} satisfies Record<string, Setting<unknown>>

type Settings = typeof settings
type Value<N extends keyof Settings> = z.output<Settings[N]['parse']>

/** What a program is told: each variable's value, undefined where nothing was said and there is no default. */
export type Config = {
  readonly [N in keyof Settings]: Settings[N] extends { readonly default: string }
    ? Value<N>
    : Value<N> | undefined
} & {
  readonly market: MarketChoice
  /** Whether the user chose the products, or they are the default ones. */
  readonly productsChosen: boolean
}

/** Where the trades come from. */
export type MarketChoice =
  | { readonly kind: 'live' }
  | { readonly kind: 'simulated'; readonly seed: number }
  /** `speed`: times the recorded pace; Infinity: as fast as it goes. */
  | { readonly kind: 'replayed'; readonly file: string; readonly speed: number }

export interface ProgramDescription {
  readonly name: string
  readonly summary: string
  /** Whether there is a Coinbase to simulate and to replay; else the market is a simulated one always. */
  readonly exchange: boolean
}

/** What the user asked for instead of a run: `--help`. */
export interface HelpAsked {
  readonly help: string
}

const defaultSeed = 1

/**
 * Reads the configuration from flags (first) and variables. Throws `BAD_CONFIG` with a sentence that names the
 * variable, its value and what would be right.
 */
export function readConfig(
  program: ProgramDescription,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config | HelpAsked {
  const command = commandOf(program)
  let flags: Record<string, string | boolean>
  try {
    flags = command.parse(args, { from: 'user' }).opts()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return { help: command.helpInformation() }
    throw new RivuletError('BAD_CONFIG', error.message.replace(/^error: /, ''), { cause: error })
  }
  const values = Object.entries<Setting<unknown>>(settings).map(([name, definition]) => [
    name,
    read(name, definition, flags, env),
  ])
  const productsChosen = flags.products !== undefined || env.PRODUCTS !== undefined
  const config = { ...Object.fromEntries(values), market: readMarket(program, flags), productsChosen }
  return checked(config)
}

function commandOf({ name, summary, exchange }: ProgramDescription): Command {
  const command = new Command(name)
    .description(summary)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .allowExcessArguments(false)
  for (const [variable, { flag, description, ...definition }] of Object.entries<Setting<unknown>>(settings)) {
    const byDefault = definition.default ?? 'none'
    command.addOption(new Option(flag, `${description} (${variable}; default ${byDefault})`))
  }
  command.addOption(
    new Option(
      '--simulate [seed]',
      `a simulated market instead of the real one (default seed ${defaultSeed})`,
    ),
  )
  if (exchange) {
    command.addOption(
      new Option('--replay <file>', 'a recording, one JSON message a line, instead of the real market'),
    )
    command.addOption(
      new Option('--speed <n>', 'times the pace of the recording (default 1; max: as fast as it goes)'),
    )
  }
  return command
}

function read(
  name: string,
  definition: Setting<unknown>,
  flags: Readonly<Record<string, string | boolean>>,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  const flag = definition.flag.split(' ')[0] as string
  const fromFlag = flags[camelCase(flag)]
  const fromEnv = env[name]
  // An empty variable is how compose files and shells say "not set"; empty products are a mistake.
  const given =
    typeof fromFlag === 'string' ? fromFlag : fromEnv === '' && name !== 'PRODUCTS' ? undefined : fromEnv
  const value = given ?? definition.default
  if (value === undefined) return undefined
  const result = definition.parse.safeParse(value)
  if (result.success) return result.data
  const shown = definition.secret ? 'not shown' : JSON.stringify(value)
  const said = typeof fromFlag === 'string' ? `${flag} (${name})` : name
  throw badConfig(name, `${said} is ${shown}, but it must be ${definition.expected}`)
}

function readMarket(
  { exchange }: ProgramDescription,
  flags: Readonly<Record<string, string | boolean>>,
): MarketChoice {
  const { simulate, replay, speed } = flags
  if (simulate !== undefined && replay !== undefined)
    throw badConfig('--replay', '--simulate and --replay exclude each other: choose one market')
  if (speed !== undefined && replay === undefined)
    throw badConfig('--speed', '--speed goes with --replay FILE')
  if (typeof replay === 'string') return { kind: 'replayed', file: replay, speed: readSpeed(speed) }
  if (simulate === undefined && exchange) return { kind: 'live' }
  return { kind: 'simulated', seed: typeof simulate === 'string' ? readSeed(simulate) : defaultSeed }
}

function readSeed(value: string): number {
  const seed = wholeNumber(0, 2 ** 32 - 1).safeParse(value)
  if (!seed.success)
    throw badConfig(
      '--simulate',
      `--simulate is ${JSON.stringify(value)}, but a seed must be a whole number from 0 to 4294967295`,
    )
  return seed.data
}

function readSpeed(value: string | boolean | undefined): number {
  if (value === undefined) return 1
  if (value === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(value)
  if (typeof value !== 'string' || value.trim() === '' || !(speed > 0 && speed <= 1e6)) {
    throw badConfig(
      '--speed',
      `--speed is ${JSON.stringify(value)}, but it must be a number above 0, up to 1000000, or max`,
    )
  }
  return speed
}

function checked(config: Config): Config {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = config
  const missing =
    mechanism === undefined
      ? undefined
      : username === undefined
        ? 'KAFKA_USERNAME'
        : password === undefined
          ? 'KAFKA_PASSWORD'
          : undefined
  if (missing)
    throw badConfig(
      missing,
      `${missing} is not set, but KAFKA_SASL_MECHANISM is ${JSON.stringify(mechanism)}: it needs a user and a password`,
    )
  if (mechanism === undefined && (username ?? password) !== undefined) {
    throw badConfig(
      'KAFKA_SASL_MECHANISM',
      'KAFKA_SASL_MECHANISM is not set, but KAFKA_USERNAME or KAFKA_PASSWORD is: say plain, scram-sha-256 or scram-sha-512',
    )
  }
  return config
}

function badConfig(parameter: string, message: string): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { place: { parameter } })
}

function camelCase(flag: string): string {
  return flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
