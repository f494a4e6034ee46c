/** The version of the wire. A test pins a hash of all frame schemas to it. */
export const PROTOCOL_VERSION = 3

/** Every version there has been: what a client of the one before has to know. */
export const PROTOCOL_HISTORY = [
  { version: 1, date: '2026-11-21', change: 'The first' },
  {
    version: 2,
    date: '2026-11-21',
    change:
      'Sessions: `session:*` frames and events, the signals `session:waiting` and `user:updated`, `parentId` and `session` of a chat, messages of type `system`',
  },
  { version: 3, date: '2026-11-22', change: 'The text `ping`, which is no frame, is answered by `pong`' },
] as const

/** The WebSocket subprotocol that the server answers. */
export const SUBPROTOCOL = 'parley.v1'

/** Offered besides by clients that take several frames in one WebSocket message, one a line. Never answered. */
export const LINES = 'parley.lines'

/**
 * What asks whether anybody is there, and its answer: WebSocket messages that are no frames, as a platform gives the
 * answer without waking anybody only where both are constant.
 */
export const PING = 'ping'
export const PONG = 'pong'
/** The first version whose servers answer it; for those before it, it is a bad frame. */
export const PING_SINCE = 3
