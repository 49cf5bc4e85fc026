/** A message of a device, as it came. */
export interface SensorMessage {
  readonly device: string
  /** The device's own number for it, one more each time. */
  readonly sequence: number
  readonly payload: Buffer
}

export interface SensorConnection {
  /** While it is paused, the hub keeps what comes; it begins so. */
  pause(isPaused: boolean): void
  close(): void
}

/**
 * Who passes on the messages of devices and keeps the last ones, as an MQTT server does for a client with a session. With
 * a client of MQTT this is a small adapter.
 */
export interface SensorHub {
  connect(listener: {
    /** For each device the number of the last message that is known; absent: only what comes from now on. */
    readonly after: ReadonlyMap<string, number>
    readonly heard: (message: SensorMessage) => void
    readonly broken: (why: Error) => void
  }): SensorConnection
}
