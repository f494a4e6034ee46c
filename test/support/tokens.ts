import { SignJWT } from 'jose'

export const DJANGO_SECRET = 'django-insecure-0123456789abcdefghijklmnopqrstuvwxyz'

/** djangoToken is a token as Django SimpleJWT makes it, good for five minutes from `now` (milliseconds) unless `exp` says otherwise. */
export function djangoToken(now: number, claims: object): Promise<string> {
  const iat = Math.floor(now / 1_000)
  return new SignJWT({ token_type: 'access', jti: 'x', iat, exp: iat + 300, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(DJANGO_SECRET))
}
