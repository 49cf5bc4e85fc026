import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Machine } from '../../../src/testing/simulation/machine.ts'
import { World } from '../../../src/testing/simulation/world.ts'

/** Two machines, and what the second one has heard. */
async function connected(world: World) {
  const [client, server] = [world.machine('client'), world.machine('server')]
  const heard: string[] = []
  let theirs: Duplex | undefined
  world.listen('server:1', server, (duplex) => {
    theirs = duplex
    duplex.on('data', (bytes: Buffer) => heard.push(String(bytes)))
    duplex.on('error', (error) => heard.push(error.message))
  })
  const { duplex } = await open(world, client)
  return { client, server, heard, ours: duplex, theirs: () => theirs as Duplex }
}

async function open(world: World, client: Machine) {
  let isOpen = false
  const duplex = world.connect(client, 'server:1', () => {
    isOpen = true
  })
  const errors: string[] = []
  duplex.on('error', (error) => errors.push(error.message))
  await world.until(() => isOpen || errors.length > 0, 1_000)
  return { duplex, isOpen, errors }
}

describe('the simulated network', () => {
  test('keeps the order within a connection, whatever the delays', async () => {
    const world = new World(3)
    const { ours, heard } = await connected(world)
    for (let i = 0; i < 20; i++) ours.write(String(i))
    await world.pass(100)
    expect(heard.join(' ')).toBe(Array.from({ length: 20 }, (_, i) => i).join(' '))
  })

  test('lets pieces of two connections overtake each other', async () => {
    const world = new World(3)
    const { client, ours, heard } = await connected(world)
    const { duplex: other } = await open(world, client)
    const orders = new Set<string>()
    for (let i = 0; i < 30; i++) {
      heard.length = 0
      ours.write('a')
      other.write('b')
      await world.pass(20)
      orders.add(heard.join(''))
    }
    expect([...orders].toSorted()).toEqual(['ab', 'ba'])
  })

  test('gives what was sent before a cut, then says so', async () => {
    const world = new World(1)
    const { client, ours, heard } = await connected(world)
    ours.write('last words')
    world.network.of(client)[0]?.cut()
    ours.write('never sent')
    await world.pass(50)
    expect(heard).toEqual(['last words', 'connection reset'])
    expect(world.network.of(client)).toEqual([])
  })

  test('tells nobody what is lost', async () => {
    const world = new World(1)
    const { client, ours, theirs, heard } = await connected(world)
    world.network.of(client)[0]?.lose(1)
    const answers: string[] = []
    ours.on('data', (bytes) => answers.push(String(bytes)))
    ours.write('question')
    theirs().write('answer')
    await world.pass(50)
    expect([heard, answers]).toEqual([['question'], []])
  })

  test('holds for a frozen machine what comes for it, and nothing for a dead one', async () => {
    const world = new World(1)
    const { server, ours, heard } = await connected(world)
    server.freeze()
    ours.write('while it sleeps')
    await world.pass(10_000)
    expect(heard).toEqual([])
    server.thaw()
    await world.pass(10)
    expect(heard).toEqual(['while it sleeps'])
    server.kill()
    ours.on('error', () => {})
    ours.write('to the dead')
    await world.pass(10)
    expect(heard).toEqual(['while it sleeps'])
  })

  test('refuses a connection to a process that is dead', async () => {
    const world = new World(1)
    const { client, server } = await connected(world)
    server.kill()
    expect(await open(world, client)).toMatchObject({ isOpen: false, errors: ['connection refused'] })
  })
})
