/** What a row's update means to one group: a value that leaves it, one that enters it, or both; never neither. */
export interface Change<V> {
  /** The value that leaves the group; null: none. */
  readonly oldValue: V | null
  /** The value that enters the group; null: none. */
  readonly newValue: V | null
}
