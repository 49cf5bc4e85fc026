import { createRequire } from 'node:module'

/** An operation on what is called so; `prefix`: on all that begins so. */
export interface Permission {
  readonly operation: 'ALL' | 'CREATE' | 'DELETE' | 'READ' | 'WRITE'
  readonly of: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' | 'CLUSTER'
  readonly name: string
  readonly prefix?: boolean
}

export interface Permissions {
  readonly allowed: readonly Permission[]
  /** Also of what is allowed. */
  readonly denied?: readonly Permission[]
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } =
  createRequire(import.meta.url)('kafkajs')

export const everything: readonly Permission[] = [
  { operation: 'ALL', of: 'TOPIC', name: '*' },
  { operation: 'ALL', of: 'GROUP', name: '*' },
  { operation: 'ALL', of: 'TRANSACTIONAL_ID', name: '*' },
  { operation: 'ALL', of: 'CLUSTER', name: 'kafka-cluster' },
]

/** Gives each user his permissions, by his name. */
export async function grant(
  brokers: readonly string[],
  users: Readonly<Record<string, Permissions>>,
): Promise<void> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const acl = Object.entries(users).flatMap(([user, { allowed, denied = [] }]) => [
      ...allowed.map((permission) => entryOf(user, 'ALLOW', permission)),
      ...denied.map((permission) => entryOf(user, 'DENY', permission)),
    ])
    await admin.createAcls({ acl })
  } finally {
    await admin.disconnect()
  }
}

function entryOf(user: string, type: 'ALLOW' | 'DENY', { operation, of, name, prefix = false }: Permission) {
  return {
    principal: `User:${user}`,
    host: '*',
    resourceType: AclResourceTypes[of],
    resourceName: name,
    resourcePatternType: ResourcePatternTypes[prefix ? 'PREFIXED' : 'LITERAL'],
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes[type],
  }
}
