import { startWorkerdServer } from '../support/workerd.ts'
import { testProtocol } from './suite.ts'

const NO_FILES = 'The Cloudflare host has no store for files yet: docs/architecture.md'
const FILES = Array.from({ length: 8 }, (_, index) => `17.${index + 1}`)

testProtocol('workerd', {
  start: startWorkerdServer,
  unseen: Object.fromEntries(FILES.map((number) => [number, NO_FILES])),
})
