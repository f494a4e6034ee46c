/** Emitter tells listeners what happens, by name. */
export interface Emitter<Events> {
  /** The result ends it. */
  on<K extends keyof Events>(name: K, listener: (event: Events[K]) => void): () => void
  emit<K extends keyof Events>(name: K, event: Events[K]): void
}

/** createEmitter: hand-written because a typed one is shorter than the import of one, and EventTarget is untyped. */
export function createEmitter<Events>(): Emitter<Events> {
  const listeners: { [K in keyof Events]?: Set<(event: Events[K]) => void> } = {}
  return {
    on(name, listener) {
      const set = listeners[name] ?? new Set()
      listeners[name] = set.add(listener)
      return () => void set.delete(listener)
    },
    emit(name, event) {
      for (const listener of listeners[name] ?? []) call(() => listener(event))
    },
  }
}

/** A listener's fault is its own: it is reported as uncaught, and what told it goes on. */
function call(run: () => void): void {
  try {
    run()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
