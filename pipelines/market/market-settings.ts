import { RivuletError } from 'rivulet'
import { type ConfigOf, type Setting, setting } from 'rivulet/app'
import { z } from 'zod'

const products: Setting<readonly string[]> = {
  placeholder: '<list>',
  description: 'products to follow, separated by commas; the symbol is the part before "-"',
  default: 'BTC-USD,ETH-USD,SOL-USD,XRP-USD,DOGE-USD',
  expected: 'a comma list of products such as BTC-USD,ETH-USD, at least one and no two of one symbol',
  // An empty list is a mistake, not a market without products.
  takesEmpty: true,
  schema: z
    .string()
    .transform((value) => value.split(',').map((product) => product.trim()))
    .pipe(
      z
        .array(z.string().regex(/^[A-Z0-9]{1,20}-[A-Z0-9]{1,20}$/))
        .min(1)
        .max(100),
    )
    .refine((of) => new Set(of.map((product) => product.split('-')[0])).size === of.length),
}

/** Of what reads an exchange like Coinbase. */
export const exchangeSettings = {
  products,
  coinbaseWsUrl: setting.address(['ws', 'wss'], {
    placeholder: '<url>',
    description: "Coinbase's WebSocket feed",
    default: 'wss://ws-feed.exchange.coinbase.com',
  }),
  coinbaseRestUrl: setting.address(['http', 'https'], {
    placeholder: '<url>',
    description: "Coinbase's REST API",
    default: 'https://api.exchange.coinbase.com',
  }),
  backfillMaxTrades: setting.wholeNumber({
    placeholder: '<n>',
    description:
      'for each product, the longest gap that is fetched whole; of a longer one, the newest trades',
    default: '100000',
    min: 0,
    max: 100_000_000,
  }),
}

const defaultSeed = '1'

const simulate: Setting<number | undefined> = {
  placeholder: '[seed]',
  description: `a simulated market instead of the real one (default seed ${defaultSeed})`,
  expected: 'a seed, a whole number from 0 to 4294967295',
  bare: defaultSeed,
  flagOnly: true,
  schema: z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .pipe(z.number().max(2 ** 32 - 1)),
}

const replay: Setting<string | undefined> = {
  placeholder: '<file>',
  description: 'a recording, one JSON message a line, instead of the real market',
  expected: 'a file',
  flagOnly: true,
  schema: z.string().min(1),
}

const speed: Setting<number | undefined> = {
  placeholder: '<n>',
  description: 'times the pace of the recording (default 1; max: as fast as it goes)',
  expected: 'a number above 0, up to 1000000, or max',
  flagOnly: true,
  schema: z
    .string()
    .refine((value) => value === 'max' || (value.trim() !== '' && Number(value) > 0 && Number(value) <= 1e6))
    .transform((value) => (value === 'max' ? Number.POSITIVE_INFINITY : Number(value))),
}

/** Of a program whose market is an exchange: the real one, a simulated one, or a recording. */
export const marketSettings = { ...exchangeSettings, simulate, replay, speed }
/** Of one whose market is a synthetic one always. */
export const syntheticMarketSettings = { ...exchangeSettings, simulate }

/** Where the trades come from. */
export type MarketChoice =
  | { readonly kind: 'live' }
  | { readonly kind: 'simulated'; readonly seed: number }
  /** `speed`: times the recorded pace; Infinity: as fast as it goes. */
  | { readonly kind: 'replayed'; readonly file: string; readonly speed: number }

/** Which market the flags choose. Throws `BAD_CONFIG` where they contradict each other. */
export function chosenMarket(config: Partial<ConfigOf<typeof marketSettings>>): MarketChoice {
  const { simulate: seed, replay: file, speed: times } = config
  if (seed !== undefined && file !== undefined)
    throw contradiction('replay', '--simulate and --replay exclude each other: choose one market')
  if (times !== undefined && file === undefined)
    throw contradiction('speed', '--speed goes with --replay FILE')
  if (file !== undefined) return { kind: 'replayed', file, speed: times ?? 1 }
  return seed === undefined ? { kind: 'live' } : { kind: 'simulated', seed }
}

/** The seed of a market that is synthetic always. */
export function seedOf({ simulate: seed }: { readonly simulate: number | undefined }): number {
  return seed ?? Number(defaultSeed)
}

function contradiction(parameter: string, message: string): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { place: { parameter } })
}
