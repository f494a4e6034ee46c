import { SpanStatusCode, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, expect, test } from 'vitest'
import { createTraces } from '../../src/hosts/node/traces.ts'
import { createRooms } from '../../src/rooms/directory.ts'
import { createMemoryBroadcast, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import type { RoomDirectory } from '../../src/rooms/ports.ts'
import { read, send } from '../rooms/case.ts'
import {
  aGroup,
  createHandClock,
  createIds,
  envelope,
  GROUP,
  MIA,
  SAM,
  tablesWith,
  uuid,
} from '../support/builders.ts'

afterEach(() => trace.disable())

/** An SDK, registered as an operator's own file would before the start. */
function listen(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  )
  return exporter
}

function createFollowedRooms(): RoomDirectory {
  const ids = createIds()
  const traces = createTraces(ids)
  const store = traces.followCommits(createMemoryRoomStore(tablesWith([aGroup()])))
  const clock = createHandClock()
  return traces.followCommands(
    createRooms({ store, broadcast: createMemoryBroadcast(), clock, ids, onFault() {} }),
  )
}

test('a send is a span from its dispatch to its ack, with the commit in it', async () => {
  const exporter = listen()
  const id = uuid(0xabc)
  await createFollowedRooms()
    .get(GROUP)
    .dispatch(envelope(MIA, send({ content: 'a secret', id })))
  const [commit, sent] = exporter.getFinishedSpans()
  expect(sent).toMatchObject({
    name: 'send_message',
    attributes: { 'chat.id': GROUP, 'user.id': MIA.id, 'message.id': id },
  })
  expect(commit).toMatchObject({
    name: 'commit',
    attributes: { 'chat.id': GROUP, 'turn.changes': 1, 'commit.status': 'committed' },
    parentSpanContext: { spanId: sent?.spanContext().spanId },
  })
  expect(JSON.stringify([sent?.attributes, commit?.attributes])).not.toContain('secret')
})

test('sends of one turn share its commit: it is linked with each', async () => {
  const exporter = listen()
  const room = createFollowedRooms().get(GROUP)
  // The first turn is under way when the others come in, and these go together.
  await Promise.all([1, 2, 3].map(() => room.dispatch(envelope(MIA, send()))))
  const commits = exporter.getFinishedSpans().filter(({ name }) => name === 'commit')
  expect(commits.map(({ attributes, links }) => [attributes['turn.changes'], links.length])).toEqual([
    [1, 0],
    [2, 1],
  ])
})

test('a refused send says why, by its code', async () => {
  const exporter = listen()
  await createFollowedRooms().get(GROUP).dispatch(envelope(SAM, send()))
  expect(exporter.getFinishedSpans().map(({ name, status }) => ({ name, status }))).toEqual([
    { name: 'send_message', status: { code: SpanStatusCode.ERROR, message: 'NOT_FOUND' } },
  ])
})

test('what is no send is no span of its own', async () => {
  const exporter = listen()
  await createFollowedRooms()
    .get(GROUP)
    .dispatch(envelope(MIA, read(1)))
  expect(exporter.getFinishedSpans().map(({ name }) => name)).not.toContain('send_message')
})

test('where nobody listens, rooms and store are what they were', () => {
  const traces = createTraces(createIds())
  const store = createMemoryRoomStore(tablesWith([aGroup()]))
  expect(traces.followCommits(store)).toBe(store)
})
