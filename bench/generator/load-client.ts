/** LoadClient is one user on one connection, speaking what a server under test speaks. */
export interface LoadClient {
  /** Connects, and again after a `closed`: then it catches up before it is ready. */
  connect(port: number): void
  send(index: number, content: string): void
  disconnect(): void
}

/** What a load client tells, without the frames. A message is named by its index. */
export interface LoadClientEvents {
  /** Hears everything from now on, and has what it missed. */
  ready(): void
  /** `order` is the message's place in the stored order of its chat, greater is later; 0 when it does not tell. */
  acked(index: number, order: number): void
  failed(index: number, why: string): void
  delivered(index: number, order: number): void
  closed(why: string): void
}

export interface LoadUser {
  readonly token: string
  readonly chatId: string
}
