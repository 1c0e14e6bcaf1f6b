import { describe, expect, test } from "bun:test"
import { argon2id } from "@noble/hashes/argon2.js"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { OpaqueClient } from "../../src/crypto/opaque/client.ts"
import { fromText, toText } from "../../src/crypto/opaque/library.ts"
import { makeOpaqueSetup, OpaqueServer } from "../../src/crypto/opaque/server.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import {
  OPAQUE_KE1_BYTES,
  OPAQUE_KE2_BYTES,
  OPAQUE_KE3_BYTES,
  OPAQUE_RECORD_BYTES,
  OPAQUE_REQUEST_BYTES,
  OPAQUE_RESPONSE_BYTES,
  OPAQUE_SETUP_BYTES,
} from "../../src/limits.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import {
  blinded,
  clientLogin,
  deriveKeyPair,
  type Identities,
  ke1Of,
  type OpaqueConfig,
  registrationRecord,
  registrationResponse,
  type ServerKeys,
  serverLogin,
} from "../vectors/opaque-reference.ts"

const DOMAIN = "example.org"
const PASSWORD = "correct horse battery staple"
const user = crypto.random(16)
const setup = makeOpaqueSetup()
const server = new OpaqueServer(setup, DOMAIN)
const client = (password = PASSWORD, parties = { user, domain: DOMAIN }) =>
  new OpaqueClient(parties, password, "minimal")

function register(by = client(), at = server, whom = user): Uint8Array {
  const { request, finish } = by.startRegistration()
  return finish(at.registrationResponse(whom, request))
}

/** Whether both sides are content. */
function logIn(record: Uint8Array | undefined, by = client(), at = server, whom = user): boolean {
  const { ke1, finish } = by.startLogin()
  const { ke2, state } = at.startLogin(whom, record, ke1)
  const ke3 = finish(ke2)
  return ke3 !== undefined && at.finishLogin(whom, state, ke3)
}

const record = register()
const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))

describe("a password", () => {
  test("opens the record that was made with it, again and again", () => {
    expect(logIn(record)).toBe(true)
    expect(logIn(record)).toBe(true)
    expect(logIn(record, client("another"))).toBe(false)
    expect(logIn(record, client(""))).toBe(false)
  })

  test("may be anything that can be typed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), (password) => {
        const made = register(client(password))
        expect(logIn(made, client(password))).toBe(true)
        expect(logIn(made, client(`${password} `))).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  test("is stretched alike at registration and login, or does not fit", () => {
    const stretched = new OpaqueClient({ user, domain: DOMAIN }, PASSWORD, "memory-constrained")
    const made = register(stretched)
    expect(logIn(made, stretched)).toBe(true)
    expect(logIn(made)).toBe(false)
  })

  test("cannot be tried on a record without the server's setup", () => {
    const other = new OpaqueServer(makeOpaqueSetup(), DOMAIN)
    expect(logIn(record, client(), other)).toBe(false)
    const seedOnly = Uint8Array.of(...setup.subarray(0, 64), ...makeOpaqueSetup().subarray(64))
    const keyOnly = Uint8Array.of(...makeOpaqueSetup().subarray(0, 64), ...setup.subarray(64))
    for (const half of [seedOnly, keyOnly])
      expect(logIn(record, client(), new OpaqueServer(half, DOMAIN))).toBe(false)
  })

  test("opens a record for its user and its server alone", () => {
    const somebody = crypto.random(16)
    expect(logIn(record, client(), server, somebody)).toBe(false)
    const posing = client(PASSWORD, { user: somebody, domain: DOMAIN })
    expect(logIn(record, posing)).toBe(false)
    const elsewhere = client(PASSWORD, { user, domain: "example.net" })
    expect(logIn(record, elsewhere)).toBe(false)
    const impostor = new OpaqueServer(setup, "example.net")
    expect(logIn(record, client(), impostor)).toBe(false)
  })
})

describe("messages", () => {
  test("have the lengths that the limits name, whoever sends them", () => {
    for (const password of ["", PASSWORD, "x".repeat(5000)]) {
      const by = client(password)
      const { request, finish } = by.startRegistration()
      const response = server.registrationResponse(user, request)
      const login = by.startLogin()
      const made = finish(response)
      const { ke2 } = server.startLogin(user, made, login.ke1)
      const lengths = [setup, request, response, made, login.ke1, ke2, login.finish(ke2)]
      expect(lengths.map((bytes) => bytes?.length)).toEqual([
        OPAQUE_SETUP_BYTES,
        OPAQUE_REQUEST_BYTES,
        OPAQUE_RESPONSE_BYTES,
        OPAQUE_RECORD_BYTES,
        OPAQUE_KE1_BYTES,
        OPAQUE_KE2_BYTES,
        OPAQUE_KE3_BYTES,
      ])
    }
  })

  test("convince nobody when any byte of KE2, KE3 or the record was changed", () => {
    for (let at = 0; at < OPAQUE_KE2_BYTES; at++) {
      const { ke1, finish } = client().startLogin()
      const { ke2 } = server.startLogin(user, record, ke1)
      let ke3: Uint8Array | undefined
      try {
        ke3 = finish(flipped(ke2, at))
      } catch (error) {
        expect(error).toBeInstanceOf(CryptoError)
      }
      expect(ke3).toBeUndefined()
    }
    const { ke1, finish } = client().startLogin()
    const { ke2, state } = server.startLogin(user, record, ke1)
    const ke3 = finish(ke2) as Uint8Array
    for (let at = 0; at < OPAQUE_KE3_BYTES; at++)
      expect(server.finishLogin(user, state, flipped(ke3, at))).toBe(false)
    expect(server.finishLogin(user, state, ke3)).toBe(true)
    for (let at = 0; at < OPAQUE_RECORD_BYTES; at++) {
      try {
        expect(logIn(flipped(record, at))).toBe(false)
      } catch (error) {
        expect(error).toBeInstanceOf(CryptoError)
      }
    }
  })

  test("of one login are of no use in another", () => {
    const [first, second] = [client().startLogin(), client().startLogin()]
    const [one, two] = [first, second].map(({ ke1 }) => server.startLogin(user, record, ke1))
    const ke3 = first.finish(one!.ke2) as Uint8Array
    expect(second.finish(one!.ke2)).toBeUndefined()
    expect(server.finishLogin(user, two!.state, ke3)).toBe(false)
    expect(server.finishLogin(user, one!.state, ke3)).toBe(true)
  })

  test("that are no group elements are refused, the identity among them", () => {
    const identity = new Uint8Array(32)
    const nothing = new Uint8Array(32).fill(255)
    for (const element of [identity, nothing]) {
      expect(() => server.registrationResponse(user, element)).toThrow(CryptoError)
      const { ke1 } = client().startLogin()
      const [blindedFirst, keyshareFirst] = [ke1.slice(), ke1.slice()]
      blindedFirst.set(element)
      keyshareFirst.set(element, 64)
      for (const bad of [blindedFirst, keyshareFirst])
        expect(() => server.startLogin(user, record, bad)).toThrow(CryptoError)
      const badRecord = record.slice()
      badRecord.set(element)
      expect(() => server.startLogin(user, badRecord, ke1)).toThrow(CryptoError)
    }
  })

  test("of any other bytes are refused, and break nothing", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    const refused = (work: () => unknown) => {
      try {
        work()
      } catch (error) {
        expect(error).toBeInstanceOf(CryptoError)
      }
    }
    fc.assert(
      fc.property(bytes(OPAQUE_KE2_BYTES), bytes(OPAQUE_RECORD_BYTES), (answer, anything) => {
        refused(() => server.registrationResponse(user, anything.subarray(0, OPAQUE_REQUEST_BYTES)))
        refused(() => server.startLogin(user, anything, anything.subarray(0, OPAQUE_KE1_BYTES)))
        refused(() => server.finishLogin(user, answer.subarray(0, 128), anything.subarray(0, 64)))
        refused(() => client().startRegistration().finish(anything.subarray(0, OPAQUE_RESPONSE_BYTES)))
        refused(() => client().startLogin().finish(answer))
      }),
      { numRuns: 50 },
    )
    expect(logIn(record)).toBe(true)
  })
})

describe("a user without a record", () => {
  test("gets an answer like any other, which no password fits", () => {
    const { ke1, finish } = client().startLogin()
    const { ke2, state } = server.startLogin(user, undefined, ke1)
    expect([ke2.length, state.length]).toEqual([OPAQUE_KE2_BYTES, 128])
    expect(finish(ke2)).toBeUndefined()
    const real = client().startLogin()
    const ke3 = real.finish(server.startLogin(user, record, real.ke1).ke2) as Uint8Array
    expect(server.finishLogin(user, state, ke3)).toBe(false)
  })

  test("gets the same evaluation as one with a record: it tells nothing", () => {
    const { ke1 } = client().startLogin()
    const [known, unknown] = [record, undefined].map((each) => server.startLogin(user, each, ke1).ke2)
    expect(toHex(known!.subarray(0, 32))).toBe(toHex(unknown!.subarray(0, 32)))
    expect(toHex(known!.subarray(32))).not.toBe(toHex(unknown!.subarray(32)))
  })
})

/** The reference passes RFC 9807's vectors (test/vectors/opaque.ts); the library takes none. */
describe("the library and the reference", () => {
  const config: OpaqueConfig = {
    context: new Uint8Array(0),
    stretch: (output) => argon2id(output, new Uint8Array(16), { t: 1, m: 8, p: 1, dkLen: 64 }),
  }
  const name = utf8(`${toHex(user)}@${DOMAIN}`)
  const identities: Identities = { client: name, server: utf8(DOMAIN) }
  const privateKey = setup.slice(64, 96)
  const response = server.registrationResponse(user, blinded(utf8(PASSWORD), scalar()))
  const keys: ServerKeys = { oprfSeed: setup.slice(0, 64), privateKey, publicKey: response.slice(32) }

  /** A scalar below the group's order. */
  function scalar(): Uint8Array {
    return deriveKeyPair(crypto.random(32)).secretKey
  }

  function referenceRecord(): Uint8Array {
    const secrets = { password: utf8(PASSWORD), blind: scalar(), envelopeNonce: crypto.random(32) }
    const answer = server.registrationResponse(user, blinded(secrets.password, secrets.blind))
    return registrationRecord(config, identities, secrets, answer).record
  }

  test("answer a registration with the same bytes", () => {
    const request = blinded(utf8(PASSWORD), scalar())
    expect(server.registrationResponse(user, request)).toEqual(registrationResponse(keys, name, request))
  })

  test("log in to each other, with records of either", () => {
    for (const made of [record, referenceRecord()]) {
      const secrets = { password: utf8(PASSWORD), blind: scalar(), keyshareSeed: crypto.random(32) }
      const ke1 = ke1Of(secrets.password, secrets.blind, crypto.random(32), secrets.keyshareSeed)
      const begun = server.startLogin(user, made, ke1)
      const client3 = clientLogin(config, identities, secrets, ke1, begun.ke2)
      expect(server.finishLogin(user, begun.state, client3!.ke3)).toBe(true)

      const login = client().startLogin()
      const random = {
        maskingNonce: crypto.random(32),
        serverNonce: crypto.random(32),
        keyshareSeed: crypto.random(32),
      }
      const answer = serverLogin(config, identities, keys, name, made, login.ke1, random)
      expect(login.finish(answer.ke2)).toEqual(answer.ke3)
    }
  })
})

test("base64url text reads back as the bytes it was made of, and is what others write", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(toText(bytes)).toBe(Buffer.from(bytes).toString("base64url"))
      expect(fromText(toText(bytes))).toEqual(bytes)
    }),
  )
})
