import { describe, expect, test } from 'vitest'
import { readSettings } from '../../src/app/read-settings.ts'
import { type Setting, setting } from '../../src/app/setting.ts'

const pond: Setting<string | undefined> = {
  ...setting.text({ description: 'where the ducks are' }),
  placeholder: '[name]',
  bare: 'the nearest',
  flagOnly: true,
}

const settings = {
  ducksMax: setting.wholeNumber({ description: 'how many', min: 0, max: 9, default: '3' }),
  loud: setting.boolean({ description: 'whether they quack', default: 'no' }),
  noCache: setting.boolean({ description: 'whether each is asked anew', default: 'false' }),
  kind: setting.oneOf(['mallard', 'teal'], { description: 'which' }),
  feedUrl: setting.address(['http', 'https'], { description: 'what they eat' }),
  names: setting.list(/^\w+$/, { description: 'of each', expected: 'a comma list of names', default: 'a,b' }),
  password: setting.text({ description: 'of the gate', expected: 'a password', secret: true }),
  pin: setting.wholeNumber({ description: 'too', min: 0, max: 9, secret: true, default: '7' }),
  note: { ...setting.text({ description: 'said' }), takesEmpty: true } as Setting<string | undefined>,
  pond,
}

const program = { name: 'ducks', summary: 'Counts ducks.' }

function read(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const told = readSettings(program, settings, args, env)
  if ('help' in told) throw new Error('help was not asked for')
  return told
}

describe('the settings of a program', () => {
  test('have their defaults, and none where there is none', () => {
    const { config, chosen } = read()
    expect(config).toEqual({
      ducksMax: 3,
      loud: false,
      noCache: false,
      kind: undefined,
      feedUrl: undefined,
      names: ['a', 'b'],
      password: undefined,
      pin: 7,
      note: undefined,
      pond: undefined,
    })
    expect(chosen).toEqual(new Set())
  })

  test('are read from variables, and from flags before them', () => {
    const env = { DUCKS_MAX: '4', KIND: 'TEAL', NAMES: 'x, y', NO_CACHE: 'yes' }
    expect(read([], env).config).toMatchObject({
      ducksMax: 4,
      kind: 'teal',
      names: ['x', 'y'],
      noCache: true,
    })
    const { config, chosen } = read(['--ducks-max', '5', '--no-cache=1', '--loud', 'true'], {
      DUCKS_MAX: '4',
    })
    expect(config).toMatchObject({ ducksMax: 5, noCache: true, loud: true })
    expect(chosen).toEqual(new Set(['ducksMax', 'noCache', 'loud']))
  })

  test('take an empty variable as one that is not set, where an empty text is no value', () => {
    expect(read([], { DUCKS_MAX: '', KIND: '' }).config).toMatchObject({ ducksMax: 3, kind: undefined })
    expect(() => read([], { NOTE: '' })).toThrow('NOTE is ""')
    expect(() => read(['--ducks-max', ''])).toThrow('--ducks-max (DUCKS_MAX) is ""')
  })

  test('may be a flag that stands alone, and has no variable', () => {
    expect(read(['--pond']).config.pond).toBe('the nearest')
    expect(read(['--pond', 'far']).config.pond).toBe('far')
    expect(read([], { POND: 'far' }).config.pond).toBeUndefined()
    expect(() => read(['--ducks-max'])).toThrow('argument missing')
  })

  test.each([
    [[], { DUCKS_MAX: '10' }, 'DUCKS_MAX is "10", but it must be a whole number from 0 to 9'],
    [['--ducks-max', '1e0'], {}, '--ducks-max (DUCKS_MAX) is "1e0"'],
    [[], { LOUD: 'quack' }, 'LOUD is "quack", but it must be true or false'],
    [[], { KIND: 'swan' }, 'KIND is "swan", but it must be mallard, teal'],
    [[], { FEED_URL: 'bread' }, 'an address that begins with http:// or https://'],
    [[], { NAMES: 'a,,b' }, 'NAMES is "a,,b", but it must be a comma list of names'],
    [['--pond', ''], {}, '--pond is ""'],
    [['--geese', '1'], {}, "unknown option '--geese'"],
    [['goose'], {}, 'too many arguments'],
  ])('are refused with a sentence for %j %j', (args, env, sentence) => {
    expect(() => read(args, env as Record<string, string>)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(sentence) }),
    )
  })

  test('never show a secret: not what was told, nor a default', () => {
    const told = readSettings(program, settings, ['--help'], {})
    const help = 'help' in told ? told.help.replaceAll(/\s+/g, ' ') : ''
    expect(help).toContain('(PIN; default not shown)')
    expect(help).toContain('(PASSWORD; default none)')
    expect(() => read([], { PIN: 'hunter2' })).toThrow(/^PIN is not shown, but it must be a whole number/)
  })

  test('never show a secret that was taken for the value of the flag before it', () => {
    const settings = { port: setting.wholeNumber({ description: 'p', min: 0, max: 9 }) }
    const args = ['--port', '--password=secret']
    expect(() => readSettings(program, settings, args, {})).toThrow('is "--password=…", but it must be')
  })

  test('never show the value of a flag that there is none of: it may be a misspelled one', () => {
    expect(() => read(['--pasword=secret'])).toThrow(/^unknown option '--pasword=…'$/)
  })

  test('never show the user and the password in an address', () => {
    const message = 'FEED_URL is "ftp://…@pond/path", but it must be an address that begins with http://'
    expect(() => read([], { FEED_URL: 'ftp://duck:p@ss/wd@pond/path' })).toThrow(message)
  })

  test('are refused where a schema answers with a promise: a start can not wait for it', () => {
    const late: Setting<string> = {
      description: '',
      expected: '',
      default: 'x',
      schema: {
        '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: '' }) },
      },
    }
    expect(() => readSettings(program, { late }, [], {})).toThrow('the schema of the setting late answers')
  })

  test('are listed by --help, each with its variable and default', () => {
    const told = readSettings(program, settings, ['--ducks-max', '1', '--help'], {})
    const help = 'help' in told ? told.help.replaceAll(/\s+/g, ' ') : ''
    expect(help).toContain('Counts ducks.')
    expect(help).toContain('--ducks-max <value> how many (DUCKS_MAX; default 3)')
    expect(help).toContain('--kind <value> which (KIND; default none)')
    expect(help).toContain('--no-cache <value> whether each is asked anew (NO_CACHE; default false)')
    expect(help).toContain('--pond [name] where the ducks are -h')
  })
})
