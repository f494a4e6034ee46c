import { startWorkerdServer } from '../support/workerd.ts'
import { testProtocol } from './suite.ts'

const RUNTIME =
  'The runtime sends the close frame at once and ends the TCP connection of an idle socket up to 10 s later, which is what a client of Node waits for: test/hosts/cloudflare.test.ts sees the frame'

const NO_FILES = 'The Cloudflare host has no store for files yet: docs/architecture.md'
const FILES = Array.from({ length: 8 }, (_, index) => `17.${index + 1}`)

testProtocol('workerd', {
  start: startWorkerdServer,
  unseen: {
    ...{ '10.6': RUNTIME, '10.7': RUNTIME },
    ...Object.fromEntries(FILES.map((number) => [number, NO_FILES])),
  },
})
