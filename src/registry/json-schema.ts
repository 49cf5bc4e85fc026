import type * as AjvModule from 'ajv'
import { messageOf, RivuletError } from '../errors.ts'
import { optionalPackage } from '../optional-package.ts'
import { readJson, writeJson } from '../serdes/json-text.ts'
import type { ReferredSchema } from './client.ts'
import type { SchemaFormat } from './registry-serde.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** JSON that `ajv` checks by a schema, when it is read and when it is written. */
export function jsonFormat<T>(schema: object, references: readonly ReferredSchema[] = []): SchemaFormat<T> {
  const text = JSON.stringify(schema)
  const validate = validatorOf<T>(schema, references)
  const checked = (value: unknown): T => {
    if (validate(value)) return value
    const issues = validate.errors ?? []
    throw new TypeError(
      issues.map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`).join('; '),
    )
  }
  return {
    name: 'JSON',
    text: {
      schemaType: 'JSON',
      schema: text,
      references: references.map(({ name, subject, version }) => ({ name, subject, version })),
    },
    recordName: String(Reflect.get(schema, 'title') ?? 'object'),
    write: (value) => Buffer.from(writeJson(checked(value), true), 'utf8'),
    makeReader({ schemaType }) {
      if (schemaType !== 'JSON') throw new TypeError(`it is ${schemaType}, not JSON`)
      return (bytes, from, to) => checked(readJson(utf8.decode(bytes.subarray(from, to))))
    },
  }
}

function validatorOf<T>(
  schema: object,
  references: readonly ReferredSchema[],
): AjvModule.ValidateFunction<T> {
  const ajvPackage = optionalPackage<typeof AjvModule>('ajv', 'JSON Schema')
  const is2020 = String(Reflect.get(schema, '$schema')).includes('2020-12')
  const Ajv = is2020
    ? optionalPackage<{ readonly Ajv2020: typeof AjvModule.Ajv }>('ajv/dist/2020.js', 'JSON Schema').Ajv2020
    : ajvPackage.Ajv
  // What other tools write into schemas, such as `connect.type`, is no mistake; formats are only said.
  const ajv = new Ajv({ strict: false, validateFormats: false })
  try {
    for (const each of references) ajv.addSchema(JSON.parse(each.schema), each.name)
    return ajv.compile<T>(schema)
  } catch (cause) {
    throw new RivuletError('BAD_CONFIG', `the JSON schema can't be used: ${messageOf(cause)}`, { cause })
  }
}
