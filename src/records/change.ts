/** What a row's update means to one group: a value that leaves it, one that enters it, or both; never neither. */
export interface Change<V> {
  readonly oldValue: V | null
  readonly newValue: V | null
}
