import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { decodeCommit, encodeCommit } from "../../src/mls/codec/commit.ts"
import { decodeProposal, encodeProposal } from "../../src/mls/codec/proposal.ts"
import { decodeGroupSecrets, encodeGroupSecrets } from "../../src/mls/codec/welcome.ts"
import {
  decodeExtensions,
  decodeExternalSenders,
  decodeGroupContext,
  decodeGroupInfo,
  decodeKeyPackage,
  decodeLeafNode,
  decodeMlsMessage,
  decodePublicGroupState,
  decodeRequiredCapabilities,
  ExtensionType,
  encodeExtensions,
  encodeExternalSenders,
  encodeGroupContext,
  encodeGroupInfo,
  encodeKeyPackage,
  encodeLeafNode,
  encodeMlsMessage,
  encodePublicGroupState,
  encodeRequiredCapabilities,
} from "../../src/mls/index.ts"
import { CodecError } from "../../src/wire/tls.ts"
import * as any from "./arbitraries.ts"

/** Every structure of RFC 9420 that is sent or stored by itself. */

const NUM_RUNS = 150

function codec<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  describe(name, () => {
    test("comes back as it was", () => {
      fc.assert(
        fc.property(values, (value) => expect(decode(encode(value))).toEqual(value)),
        { numRuns: NUM_RUNS },
      )
    })

    test("is refused when cut, or with something after it", () => {
      fc.assert(
        fc.property(values, fc.nat(), (value, at) => {
          const bytes = encode(value)
          expect(() => decode(bytes.subarray(0, at % bytes.length))).toThrow(CodecError)
          expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(CodecError)
        }),
        { numRuns: NUM_RUNS },
      )
    })

    test("has one encoding: a changed one is refused with CodecError, or is the encoding of something else", () => {
      fc.assert(
        fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
          const bytes = encode(value)
          bytes[at % bytes.length]! ^= flip
          let changed: T
          try {
            changed = decode(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
            return
          }
          expect(encode(changed)).toEqual(bytes)
        }),
        { numRuns: NUM_RUNS },
      )
    })
  })
}

const ofType = (type: number) => (data: Uint8Array) => ({ type, data })
const required = ofType(ExtensionType.requiredCapabilities)
const senders = ofType(ExtensionType.externalSenders)

codec("MLSMessage", any.mlsMessage, encodeMlsMessage, decodeMlsMessage)
codec("KeyPackage", any.keyPackage, encodeKeyPackage, decodeKeyPackage)
codec("LeafNode", any.leafNode, encodeLeafNode, decodeLeafNode)
codec("Proposal", any.proposal, encodeProposal, decodeProposal)
codec("Commit", any.commit, encodeCommit, decodeCommit)
codec("GroupContext", any.groupContext, encodeGroupContext, decodeGroupContext)
codec("GroupInfo", any.groupInfo, encodeGroupInfo, decodeGroupInfo)
codec("GroupSecrets", any.groupSecrets, encodeGroupSecrets, decodeGroupSecrets)
codec("Extensions", any.extensions, encodeExtensions, decodeExtensions)
codec("PublicGroupState", any.publicGroupState, encodePublicGroupState, decodePublicGroupState)
codec(
  "RequiredCapabilities",
  any.requiredCapabilities,
  (value) => encodeRequiredCapabilities(value).data,
  (bytes) => decodeRequiredCapabilities(required(bytes)),
)
codec(
  "ExternalSenders",
  any.externalSenders,
  (value) => encodeExternalSenders(value).data,
  (bytes) => decodeExternalSenders(senders(bytes)),
)

test("random bytes are refused with CodecError alone", () => {
  const decoders = [decodeMlsMessage, decodeKeyPackage, decodeCommit, decodeGroupInfo, decodeExtensions]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of decoders) {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }
    }),
    { numRuns: 300 },
  )
})
