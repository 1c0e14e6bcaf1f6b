import { RETRY_AFTER_SECONDS } from "../limits.ts"
import { type Problem, type ProblemCode, problems } from "../wire/problem.ts"

/** Browsers may call from anywhere: nothing is authenticated by cookies or by where a request comes from. */
export const anyOrigin = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "date, retry-after, www-authenticate",
} as const

/** A problem details document (RFC 9457). */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly rule?: string
}

export function problemType(code: ProblemCode): string {
  return `urn:cinder:problem:${code}`
}

function problemDocument({ code, rule }: Problem): ProblemDocument {
  const { status, title } = problems[code]
  return { type: problemType(code), title, status, code, ...(rule === undefined ? {} : { rule }) }
}

/** `challenge`: what an operation that costs a token says in `WWW-Authenticate` when it refuses for want of one. */
export function problemAnswer(problem: Problem, challenge?: string): Response {
  const headers = new Headers({
    ...anyOrigin,
    "content-type": "application/problem+json",
    "cache-control": "no-store",
  })
  if (problem.status === 401 && challenge !== undefined) headers.set("www-authenticate", challenge)
  if (problem.status === 405) headers.set("allow", "POST, OPTIONS")
  if (problem.status === 503) headers.set("retry-after", `${RETRY_AFTER_SECONDS}`)
  return new Response(JSON.stringify(problemDocument(problem)), { status: problem.status, headers })
}

export function cborAnswer(body: Uint8Array): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { ...anyOrigin, "content-type": "application/cbor", "cache-control": "no-store" },
  })
}

/** A document that anybody may read, under a path of its own. */
export interface PublicDocument {
  readonly mediaType: string
  /** How long it may be kept by whoever read it; undefined: that is nobody's to say. */
  readonly maxAgeSeconds?: number
  text(): string
}

/** A JSON document that stays as it is. */
export function fixedDocument(value: unknown): PublicDocument {
  const text = JSON.stringify(value)
  return { mediaType: "application/json", text: () => text }
}

/** A page for people that stays as it is. */
export function fixedPage(html: string): PublicDocument {
  return { mediaType: "text/html;charset=utf-8", text: () => html }
}

export function documentAnswer({ mediaType, maxAgeSeconds, text }: PublicDocument): Response {
  const headers = new Headers({ ...anyOrigin, "content-type": mediaType })
  if (maxAgeSeconds !== undefined) headers.set("cache-control", `public, max-age=${maxAgeSeconds}`)
  return new Response(text(), { headers })
}

export function textAnswer(text: string): Response {
  return new Response(text, { headers: { ...anyOrigin, "content-type": "text/plain;charset=utf-8" } })
}

/** The answer to a browser's question whether it may call (Fetch standard, CORS preflight). */
export function preflightAnswer(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...anyOrigin,
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "content-type, authorization",
      "access-control-max-age": "86400",
    },
  })
}

/** Dates an answer. `now` in seconds: clients sign with it, so it must be by the clock that signatures are judged by. */
export function dated(answer: Response, now: number): Response {
  answer.headers.set("date", new Date(now * 1000).toUTCString())
  return answer
}
