interface Primitives {
  readonly null: null
  readonly boolean: boolean
  readonly int: number
  readonly long: number
  readonly float: number
  readonly double: number
  readonly bytes: Buffer
  readonly string: string
}

interface Field {
  readonly name: string
  readonly type: unknown
}

/** An Avro schema as JSON has it: a type's name, an object, or a list of those that it may be. */
export type AvroSchema = string | object

/** The values of an Avro schema that is written out; unknown: those of a type that is only named, or not seen here. */
export type AvroValue<S> = 0 extends 1 & S ? unknown : ValueOf<S>

type ValueOf<S> = S extends keyof Primitives
  ? Primitives[S]
  : S extends readonly unknown[]
    ? AvroValue<S[number]>
    : S extends { readonly type: 'record'; readonly fields: readonly Field[] }
      ? { readonly [F in S['fields'][number] as F['name']]: AvroValue<F['type']> }
      : S extends { readonly type: 'array'; readonly items: infer Items }
        ? readonly AvroValue<Items>[]
        : S extends { readonly type: 'map'; readonly values: infer Values }
          ? Readonly<Record<string, AvroValue<Values>>>
          : S extends { readonly type: 'enum'; readonly symbols: readonly (infer Name)[] }
            ? Name
            : S extends { readonly type: 'fixed' }
              ? Buffer
              : S extends { readonly type: infer Inner }
                ? AvroValue<Inner>
                : unknown
