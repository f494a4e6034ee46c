/**
 * Limits of the service, in one place. Every number here is a default that `config.ts` lets an operator
 * change, except those marked "wire", which clients rely on.
 */
export const LIMITS = {
  /** Unicode code points of a message. Wire. */
  messageCharacters: 10_000,
  /** Bytes of one socket frame, and so of one command. Wire. */
  frameBytes: 65_536,
  /** Bytes of a REST body. Room for a frame's worth of escaped text and its envelope. */
  bodyBytes: 131_072,
  /** Participants of a group, its owner included. */
  groupParticipants: 300,
  /** Users that one request may add to a group. */
  addedAtOnce: 300,
  attachmentsPerMessage: 5,
  /** Bytes of one attachment. */
  attachmentBytes: 10_485_760,
  /** Pixels of an image: what decoding it may cost. */
  imagePixels: 40_000_000,
  /** Pixels of one of its sides: what every decoder that a host may have takes. */
  imageSide: 12_000,
  fileNameCharacters: 255,
  /** Distinct emoji on one message. */
  emojiPerMessage: 20,
  mentionsPerMessage: 50,
  formattingRanges: 200,
  /** Bytes of a message's metadata as JSON, and how deep it may nest. */
  metadataBytes: 4_096,
  metadataDepth: 8,
  nameCharacters: 100,
  slugCharacters: 100,
  subjectCharacters: 200,
  teamCharacters: 50,
  /** Of a caller's own name for a session or a guest. */
  externalIdCharacters: 200,
  /** Users who hear at once that somebody has another name. */
  renameToldTo: 500,
  /** Of a user's name at another issuer. */
  outsideSubjectCharacters: 255,
  closeReasonCharacters: 500,
  /** Sessions that an agent may have at once, until an admin sets another number. */
  agentCapacity: 5,
  agentCapacityMost: 1_000,
  teamsPerAgent: 50,
  avatarUrlCharacters: 500,
  usernameCharacters: 50,
  /** bcrypt reads no further than byte 72, so a longer password is refused instead of cut. */
  passwordBytes: 72,
  searchCharacters: 200,
  /** Rows of a page: default and most. */
  pageDefault: 50,
  pageMost: 100,
  /** Rows that one read of changes may return before the client is told to start afresh. */
  changesMost: 500,
  /** Chats that one `sync` frame may name. */
  syncChats: 1_000,
  /** What may wait for a slow reader before its socket is closed with 4008. */
  queuedBytes: 1_048_576,
  queuedFrames: 1_000,
  connectionsPerUser: 20,
  /** Devices of a user that get pushes; the oldest give way. */
  pushDevices: 20,
  /** Commands that may wait in the mailbox of one room; more are refused as busy. */
  roomMailbox: 10_000,
  /** Commands of one connection that may be waiting for their outcome. */
  commandsInFlight: 256,
} as const

/** Times of the protocol, in milliseconds. */
export const TIMES = {
  heartbeat: 25_000,
  /** A connection that was silent this long is dead. */
  silence: 60_000,
  /** The server forgets a typing user after this; the client repeats every 3 s and stops after 3 s idle. */
  typingExpiry: 10_000,
  typingIdle: 3_000,
  /** At most one typing list and, in groups, one receipts event per chat and this long. */
  typingInterval: 1_000,
  receiptsInterval: 1_000,
  /** A room that nobody used for this long leaves memory. */
  roomIdle: 300_000,
  /** A command is given up as SERVICE_UNAVAILABLE when it could not be committed within this. */
  commitDeadline: 2_000,
  /** A connection's session and user are checked again with the last heartbeat before this is over. */
  principalCheck: 60_000,
  ticket: 30_000,
  /** The longest that a signed URL of a file is good. */
  signedUrl: 3_600_000,
  /** An upload that no message has claimed by then is removed. */
  unclaimedUpload: 86_400_000,
  accessToken: 900_000,
  refreshToken: 604_800_000,
  /** Client backoff: full jitter between these. */
  backoffLeast: 1_000,
  backoffMost: 30_000,
} as const
