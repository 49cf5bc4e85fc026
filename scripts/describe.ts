import { parseArgs } from 'node:util'
import { describe, describeAsMermaid, describeAsText } from 'rivulet'
import { crypto } from '../pipelines/crypto.ts'
import { stocks } from '../pipelines/stocks.ts'

const programs = { crypto, stocks }
const formats = {
  text: describeAsText,
  json: (topology: Parameters<typeof describe>[0]) => `${JSON.stringify(describe(topology), null, 2)}\n`,
  mermaid: describeAsMermaid,
}

function isKey<T extends object>(object: T, key: string | undefined): key is keyof T & string {
  return key !== undefined && Object.hasOwn(object, key)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { format: { type: 'string', default: 'text' } },
})
const [name] = positionals
if (!isKey(programs, name) || !isKey(formats, values.format)) {
  process.stderr.write(
    `usage: npm run describe -- ${Object.keys(programs).join('|')} [--format ${Object.keys(formats).join('|')}]\n`,
  )
  process.exit(2)
}
process.stdout.write(formats[values.format](programs[name].describe()))
