import type * as Avsc from 'avsc'
import { messageOf, RivuletError } from '../errors.ts'
import { optionalPackage } from '../optional-package.ts'
import type { AvroSchema } from './avro-value.ts'
import type { ReferredSchema } from './client.ts'
import type { SchemaFormat } from './registry-serde.ts'

/** Avro by `avsc`: what was written with another schema is read as this one says, by Avro's rules of resolution. */
export function avroFormat<T>(
  schema: AvroSchema,
  references: readonly ReferredSchema[] = [],
): SchemaFormat<T> {
  const { Type } = optionalPackage<typeof Avsc>('avsc', 'Avro')
  const typeOf = (text: string, referred: readonly { readonly schema: string }[]): Avsc.Type => {
    const options = { registry: {}, omitRecordMethods: true }
    for (const each of referred) Type.forSchema(JSON.parse(each.schema), options)
    return Type.forSchema(JSON.parse(text), options)
  }
  const text = JSON.stringify(schema)
  const type = understood(() => typeOf(text, references))
  return {
    name: 'Avro',
    text: {
      schemaType: 'AVRO',
      schema: text,
      references: references.map(({ name, subject, version }) => ({ name, subject, version })),
    },
    recordName: type.name ?? type.typeName,
    write: (value) => type.toBuffer(value),
    makeReader({ schemaType, schema: written, referred }) {
      if (schemaType !== 'AVRO') throw new TypeError(`it is ${schemaType}, not Avro`)
      const resolver = type.createResolver(typeOf(written, referred))
      return (bytes, from, to) => {
        const { value, offset } = type.decode(bytes, from, resolver)
        // What lies behind `to` is another record's.
        if (offset < 0 || offset > to) throw new RangeError('it breaks off')
        if (offset < to) throw new RangeError(`${to - offset} bytes are left`)
        return value
      }
    },
  }
}

function understood<T>(parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new RivuletError('BAD_CONFIG', `the Avro schema can't be used: ${messageOf(cause)}`, { cause })
  }
}
