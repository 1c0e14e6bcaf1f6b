import { Buffer } from "node:buffer"
import { p256 } from "@noble/curves/nist.js"
import { labels } from "../../crypto/labels.ts"
import type { CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { PUSH_ORIGINS_MAX, VAPID_HOURS, VAPID_RENEWAL_HOURS } from "../../limits.ts"
import { utf8 } from "../../wire/bytes.ts"

const HOUR_SECONDS = 3600
/** Bytes of key material from which a scalar without bias is made (FIPS 186-5, A.2.1). */
const SEED_BYTES = 48

/**
 * This server's name among push services (RFC 8292): a signed statement for each of them, used for some hours. It says
 * nothing about what is pushed or to whom.
 */
export class Vapid {
  /** P-256, uncompressed; clients subscribe with it. */
  readonly publicKey: Uint8Array
  readonly #secretKey: Uint8Array
  readonly #subject: string
  readonly #seconds: () => number
  readonly #known = new Map<string, { readonly value: string; readonly until: number }>()

  /** `seed`: 32 bytes. `subject`: a URL of whoever runs this server. */
  constructor(crypto: CryptoProvider, seed: Uint8Array, subject: string, seconds: () => number) {
    const material = crypto.hkdfExpand(seed, labels.pushKey, SEED_BYTES)
    this.#secretKey = p256.utils.randomSecretKey(material)
    wipe(material)
    this.publicKey = p256.getPublicKey(this.#secretKey, false)
    this.#subject = subject
    this.#seconds = seconds
  }

  /** The `Authorization` for requests to a push service. */
  authorization(origin: string): string {
    const now = this.#seconds()
    const known = this.#known.get(origin)
    if (known !== undefined && now < known.until) return known.value
    if (this.#known.size >= PUSH_ORIGINS_MAX) this.#known.clear()
    const value = `vapid t=${this.#statement(origin, now)}, k=${base64Url(this.publicKey)}`
    this.#known.set(origin, { value, until: now + VAPID_RENEWAL_HOURS * HOUR_SECONDS })
    return value
  }

  /** Overwrites the secret key. */
  wipe(): void {
    wipe(this.#secretKey)
  }

  /** A JSON Web Token (RFC 7519) with ES256 (RFC 7518 section 3.4). */
  #statement(aud: string, now: number): string {
    const claims = { aud, exp: now + VAPID_HOURS * HOUR_SECONDS, sub: this.#subject }
    const signed = [{ typ: "JWT", alg: "ES256" }, claims].map((part) => base64Url(utf8(JSON.stringify(part))))
    const signature = p256.sign(utf8(signed.join(".")), this.#secretKey)
    return [...signed, base64Url(signature)].join(".")
  }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url")
}
