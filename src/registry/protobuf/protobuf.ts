import type * as Protobuf from '@bufbuild/protobuf'
import { optionalPackage } from '../../optional-package.ts'
import type { RegistrySerdeOptions, SchemaFormat } from '../registry-serde.ts'
import { type MessageIndexes, readIndexes, writeIndexes } from './message-indexes.ts'
import { messageNamesOf } from './message-names.ts'

/** Which `.proto` a message is registered with. */
export interface ProtobufOptions extends Pick<RegistrySerdeOptions, 'references'> {
  /** The text of the `.proto` that declares the message: what is generated of it does not hold it. */
  readonly proto: string
}

/**
 * The messages of a schema that `protoc-gen-es` has generated. What was written with another schema is read by the numbers of
 * its fields, as Protobuf does; a message of another name is refused.
 *
 * @example
 * ```ts
 * const readings = topic('readings', { key: serdes.string, value: registry.serde(protobuf(ReadingSchema, { proto })) })
 * ```
 */
export function protobuf<D extends Protobuf.DescMessage>(
  schema: D,
  { proto, references = [] }: ProtobufOptions,
): SchemaFormat<Protobuf.MessageShape<D>> {
  const { fromBinary, toBinary } = optionalPackage<typeof Protobuf>('@bufbuild/protobuf', 'Protobuf')
  const prefix = writeIndexes(indexesOf(schema))
  return {
    name: 'Protobuf',
    text: {
      schemaType: 'PROTOBUF',
      schema: proto,
      references: references.map(({ name, subject, version }) => ({ name, subject, version })),
    },
    recordName: schema.typeName,
    write: (message) => Buffer.concat([prefix, toBinary(schema, message)]),
    makeReader({ schemaType, schema: written }) {
      if (schemaType !== 'PROTOBUF') throw new TypeError(`it is ${schemaType}, not Protobuf`)
      const names = messageNamesOf(written)
      return (bytes, from, to) => {
        const { indexes, end } = readIndexes(bytes, from, to)
        const name = names.get(indexes.join('.'))
        if (name !== schema.typeName)
          throw new TypeError(`it is ${name ?? 'no message of its file'}, not ${schema.typeName}`)
        return fromBinary(schema, bytes.subarray(end, to))
      }
    },
  }
}

function indexesOf(message: Protobuf.DescMessage): MessageIndexes {
  const { parent, file } = message
  return parent
    ? [...indexesOf(parent), parent.nestedMessages.indexOf(message)]
    : [file.messages.indexOf(message)]
}
