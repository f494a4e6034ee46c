import { execFileSync } from 'node:child_process'

/** Debian's Python, which Debian's packages of Django belong to. */
const PYTHON = '/usr/bin/python3'

const SCRIPT = `
import json, sys
from django.conf import settings
given = json.loads(sys.argv[1])
settings.configure(SECRET_KEY=given['secret'], USE_TZ=True, INSTALLED_APPS=[
  'django.contrib.auth', 'django.contrib.contenttypes', 'rest_framework', 'rest_framework_simplejwt'],
  SIMPLE_JWT=given['settings'])
import django
django.setup()
from django.contrib.auth.models import User
from rest_framework_simplejwt.tokens import RefreshToken
tokens = []
for claims in given['tokens']:
  token = RefreshToken.for_user(User(id=claims.pop('user_id')))
  for name, value in claims.items(): token[name] = value
  tokens.append({'access': str(token.access_token), 'refresh': str(token)})
print(json.dumps(tokens))
`

export interface DjangoTokens {
  readonly access: string
  readonly refresh: string
}

/** djangoTokens are made by Django SimpleJWT itself, one pair for each of the claims. */
export function djangoTokens<T extends readonly object[]>(
  secret: string,
  tokens: T,
  settings: object = {},
): { [K in keyof T]: DjangoTokens } {
  const given = JSON.stringify({ secret, tokens, settings })
  return JSON.parse(execFileSync(PYTHON, ['-c', SCRIPT, given], { encoding: 'utf8' }))
}
