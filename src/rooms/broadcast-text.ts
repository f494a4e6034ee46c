import type { Broadcastable, EncodedEvent } from './ports.ts'

/**
 * toBroadcastText is what goes over a broadcast, as text for another process or object. Events have the chat's id in a
 * line, then two lines each: what the receiver has to know, and the text as it goes to sockets, which nobody reads on
 * the way. JSON has no line breaks of its own; everything else is one line of it.
 */
export function toBroadcastText(item: Broadcastable): string {
  if (item.kind !== 'events') return JSON.stringify(item)
  const lines = [item.chatId]
  for (const { seq, origin, left, text } of item.events) {
    lines.push(`${seq} ${origin ?? ''} ${left ?? ''}`, text)
  }
  return lines.join('\n')
}

export function fromBroadcastText(encoded: string): Broadcastable {
  if (encoded.startsWith('{')) return JSON.parse(encoded)
  const [chatId = '', ...lines] = encoded.split('\n')
  const events: EncodedEvent[] = []
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [seq, origin, left] = (lines[index] ?? '').split(' ')
    events.push({
      seq: Number(seq),
      origin: origin || null,
      left: left || null,
      text: lines[index + 1] ?? '',
    })
  }
  return { kind: 'events', chatId, events }
}
