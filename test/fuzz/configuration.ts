import { kafkaSecurity } from '../../src/app/kafka-security.ts'
import { kafkaSettings, machineSettings } from '../../src/app/program-settings.ts'
import { flagOf, readSettings, variableOf } from '../../src/app/read-settings.ts'
import { setting } from '../../src/app/setting.ts'
import { RivuletError } from '../../src/errors.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'configuration'

const secret = 'SECRETPW'
const settings = {
  ...kafkaSettings,
  ...machineSettings,
  clickhouseUrl: setting.address(['http', 'https'], { description: 'ClickHouse', placeholder: '<url>' }),
  simulate: setting.wholeNumber({
    description: 'seed',
    min: 0,
    max: 9,
    placeholder: '[seed]',
    bare: '1',
    flagOnly: true,
  }),
}
const names = Object.keys(settings)
const addressesWithSecrets = [
  `http://user:${secret}@h:8123`,
  `clickhouse://user:${secret}@h`,
  `http://user:${secret}@`,
]
const values = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e3',
    '65536',
    '65535',
    ' 8502',
    '0x1F90',
    'NaN',
    'true',
    'TRUE',
    'yes',
    'info',
    'plain',
    '1'.repeat(400),
  ],
  ...[
    'localhost:9092',
    'localhost',
    'localhost:0',
    'localhost:99999',
    '[::1]:9092',
    '::1:9092',
    'a:1,,b:2',
    'a:1,b:2',
    'kafka://a:1',
  ],
  ...[
    'http://h:8123',
    'http://',
    'http:///x',
    'ftp://h',
    'javascript:1',
    '0.0.0.0',
    '999.1.1.1',
    '\0',
    '../../x',
    '--port',
    '-',
    '--',
    '$(id)',
  ],
  ...[
    '__proto__',
    'constructor',
    'SCRAM-SHA-256',
    'x'.repeat(50_000),
    '𝟘',
    'ä',
    '\ud800',
    '\n',
    '1\n2',
    '%s',
    '{}',
  ],
]

/** What a user says is a value of the setting's, or one sentence that names the setting; a secret is never in it. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const env: Record<string, string> = {}
  const args: string[] = []
  for (let times = 1 + dice.int(4); times > 0; times--) {
    const setting = dice.chance(0.95) ? dice.pick(names) : dice.pick(['bogus', '__proto__', 'toString'])
    const value = /password|secret/i.test(setting) ? dice.pick([secret, `${secret}\n`]) : textOf(dice)
    if (dice.chance(0.5)) env[variableOf(setting)] = value
    else args.push(...flagsOf(dice, setting, value))
  }
  await withInput(Buffer.from(JSON.stringify({ env, args })), () => check(args, env))
}

function textOf(dice: Dice): string {
  if (dice.chance(0.1)) return dice.pick(addressesWithSecrets)
  const value = dice.pick(values)
  return dice.chance(0.3) ? dice.mutated(Buffer.from(value.slice(0, 100))).toString() : value
}

function flagsOf(dice: Dice, setting: string, value: string): string[] {
  if (dice.chance(0.3)) return [`${flagOf(setting)}=${value}`]
  return dice.chance(0.1) ? [flagOf(setting)] : [flagOf(setting), value]
}

function check(args: readonly string[], env: Readonly<Record<string, string>>): void {
  try {
    const told = readSettings({ name: 'fuzzed', summary: 'Is fuzzed.' }, settings, args, env)
    if ('help' in told) return
    const { port, kafkaBrokers, simulate, logLevel } = told.config
    if (!(port >= 0 && port <= 65_535)) throw new Error(`port ${port}`)
    if (kafkaBrokers?.some((broker) => !/:\d+$/.test(broker))) throw new Error(`brokers ${kafkaBrokers}`)
    if (simulate !== undefined && !(simulate <= 9)) throw new Error(`seed ${simulate}`)
    if (logLevel === undefined) throw new Error('no level')
    kafkaSecurity(told.config)
  } catch (error) {
    if (!(error instanceof RivuletError) || error.code !== 'BAD_CONFIG') throw error
    if (error.message.length > 5_000) throw new Error(`a sentence of ${error.message.length} characters`)
    if (error.message.includes(secret)) throw new Error(`it says the secret: ${error.message}`)
  }
}
