import { registerHooks } from 'node:module'
import { edited } from './edits.ts'

/** A preload that changes the source of an instance as it is loaded: its address names the control. */
const control = new URL(import.meta.url).searchParams.get('control') ?? ''
const SRC = new URL('../../src/', import.meta.url).href

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.startsWith(SRC) || loaded.source == null) return loaded
    const source = Buffer.from(loaded.source as Uint8Array | string).toString()
    return { ...loaded, source: edited(control, url.slice(SRC.length), source) }
  },
})
