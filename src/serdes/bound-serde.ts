import { BytesColumn } from '../records/bytes-column.ts'
import type { Serde, SerdeContext, SerdePlace } from './serde.ts'

/** Ties a serde to the place of what it reads and writes. */
export type BindSerde = <T>(serde: Serde<T>, part: SerdePlace['part']) => Serde<T>

/** For state that stands in no topic. */
export const unbound: BindSerde = (serde) => serde

/** A bound serde has something to fetch before it can read these bytes: let it prepare, then read them again. */
export class Unprepared extends Error {
  /** What is under way already; once that has failed, another try. */
  readonly prepare: () => Promise<void> | undefined

  constructor(underWay: Promise<void>, again: () => Promise<void> | undefined) {
    super('these bytes are read before their serde is prepared for them')
    let begun: Promise<void> | undefined = underWay
    this.prepare = () => {
      const ready = begun ?? again()
      begun = undefined
      return ready
    }
  }
}

/** How many answers of a serde are remembered that never says that it has all. */
const preparedMax = 64

/**
 * The serde for whoever reads and writes one record after another and knows nothing of topics, such as a state store.
 * Its `deserialize` throws `Unprepared` as well.
 */
export function boundTo<T>(serde: Serde<T>, place: SerdePlace): Serde<T> {
  const context: SerdeContext = { ...place, headers: undefined }
  const prepare = serde.prepareRead && preparation(serde, place)
  return {
    name: serde.name,
    serialize: (value) => serde.serialize(value, context),
    deserialize(bytes) {
      const ready = prepare?.(bytes)
      if (ready) throw new Unprepared(ready, () => prepare?.(bytes))
      return serde.deserialize(bytes, context)
    },
    // Without a place: a text is compared and written nowhere.
    mapKey: (value) => serde.mapKey?.(value) ?? serde.serialize(value).toString('latin1'),
  }
}

/** Prepares for one value's bytes, but not for those for which it has. */
function preparation<T>(serde: Serde<T>, place: SerdePlace): (bytes: Buffer) => Promise<void> | undefined {
  const prepared = new Set<string>()
  return (bytes) => {
    const ready = serde.prepareRead?.(BytesColumn.of([bytes]), place)
    if (!ready) return undefined
    const text = bytes.toString('latin1')
    if (prepared.has(text)) {
      ready.catch(() => undefined) // it has answered for them before
      return undefined
    }
    return ready.then(() => {
      if (prepared.size === preparedMax) prepared.clear()
      prepared.add(text)
    })
  }
}
