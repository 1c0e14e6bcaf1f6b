import { HPKE_OVERHEAD_BYTES, open, seal } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import { wipe } from "../crypto/wipe.ts"
import {
  CLIENT_CREDENTIAL_SECONDS,
  CONNECTION_PACKAGE_BYTES_MAX,
  FORMAT_VERSION,
  ID_BYTES,
  KEY_BYTES,
  SIGNATURE_BYTES,
} from "../limits.ts"
import { concat, utf8 } from "./bytes.ts"
import { type ConnectionPackagePayload, readPayload, writePayload } from "./connection-payload.ts"
import {
  CLIENT_CREDENTIAL_BYTES_MAX,
  decodeIssuedCredential,
  readVersion,
  writeVersion,
} from "./credential-format.ts"
import {
  CredentialError,
  decoded,
  lifetime,
  requireNested,
  requireValid,
  type TrustAnchors,
  type TrustSource,
  type VerifiedClientCredential,
  verifyChain,
  verifyChainOfAnyDomain,
  within,
} from "./credentials.ts"
import { decodePadded, encodePadded } from "./sealed.ts"
import { encodeSized } from "./sized.ts"
import { CodecError, decodeAll, type Writer } from "./tls.ts"

/**
 * How two users get to know each other (docs/protocol.md sections 4.3 and 7; connection_establishment.md of the Phoenix
 * book). A user publishes connection packages; whoever wants to connect seals a ConnectionEstablishmentPackage to
 * one of them, which names a group to join, and puts it into the connection queue.
 *
 *     struct { ConnectionPackagePayload payload; opaque client_credential<V>; opaque signature[64]; } ConnectionPackage
 *
 *     struct { u8 version; opaque sender_client_credential<V>; opaque group_id[16]; opaque ear_key[32];
 *              opaque credential_key[32]; opaque signature[64]; } ConnectionEstablishmentPackage, zero padding to 768
 *     struct { u8 version; opaque package_ref[16]; opaque sealed[816]; } ConnectionMessage
 *
 * `sealed` is HPKE base mode to the package's encryption key. `package_ref`, from a hash of that key, tells the
 * recipient which of its keys opens it. The establishment package's signature also covers the encryption key: the
 * recipient could otherwise pass it on to a third user as if the sender had meant that one.
 */
export interface ConnectionPackage extends ConnectionPackagePayload {
  /** Encoded ClientCredential. */
  readonly clientCredential: Uint8Array
  readonly signature: Uint8Array
}

/** What the sender of a connection request gives to the other: the connection group and its keys. */
export interface ConnectionGroup {
  readonly groupId: Uint8Array
  readonly earKey: Uint8Array
  readonly credentialKey: Uint8Array
}

/** A connection request whose sender was verified. */
export interface ConnectionRequest extends ConnectionGroup {
  readonly sender: VerifiedClientCredential
}

const PADDED_BYTES = 768
const PACKAGE_REF_BYTES = 16
/** The length of every connection request. */
export const CONNECTION_MESSAGE_BYTES = 1 + PACKAGE_REF_BYTES + PADDED_BYTES + HPKE_OVERHEAD_BYTES

const packageRefLabel = utf8("Cinder 1 connection package ref")

function packageTbs(unsigned: Omit<ConnectionPackage, "signature">): Uint8Array {
  return encodeSized(CONNECTION_PACKAGE_BYTES_MAX, (writer) => {
    writePayload(writer, unsigned)
    writer.opaque(unsigned.clientCredential)
  })
}

/**
 * A package for one encryption key, valid as long as the client's credential.
 *
 * @throws CredentialError the client credential is malformed or not valid now
 */
export function makeConnectionPackage(
  crypto: CryptoProvider,
  clientSeed: Uint8Array,
  clientCredential: Uint8Array,
  encryptionKey: Uint8Array,
  now: number,
): Uint8Array {
  const client = decoded(() => decodeIssuedCredential("client", clientCredential))
  requireValid(client.expiration, now)
  const expiration = within(lifetime(now, CLIENT_CREDENTIAL_SECONDS), client.expiration)
  const unsigned = { encryptionKey, expiration, clientCredential }
  const signature = signLabeled(crypto, clientSeed, labels.connectionPackage, packageTbs(unsigned))
  return encodeConnectionPackage({ ...unsigned, signature })
}

export function encodeConnectionPackage(connectionPackage: ConnectionPackage): Uint8Array {
  return concat(packageTbs(connectionPackage), connectionPackage.signature)
}

/** Throws CodecError unless the bytes are one ConnectionPackage. Checks no signature. */
export function decodeConnectionPackage(bytes: Uint8Array): ConnectionPackage {
  if (bytes.length > CONNECTION_PACKAGE_BYTES_MAX) throw new CodecError("connection package too long")
  return decodeAll(bytes, (reader) => {
    const payload = readPayload(reader)
    const clientCredential = reader.opaque().slice()
    return { ...payload, clientCredential, signature: reader.raw(SIGNATURE_BYTES).slice() }
  })
}

/** A connection package and its owner, both verified. */
export interface VerifiedConnectionPackage {
  readonly encryptionKey: Uint8Array
  readonly client: VerifiedClientCredential
}

/**
 * Verifies a package and its owner's credential up to a root.
 *
 * @throws CredentialError as {@link verifyChain}, or for the package itself
 */
export function verifyConnectionPackage(
  crypto: CryptoProvider,
  trust: TrustAnchors,
  bytes: Uint8Array,
  now: number,
): VerifiedConnectionPackage {
  const decodedPackage = decoded(() => decodeConnectionPackage(bytes))
  const client = verifyChain(crypto, trust, decodedPackage.clientCredential, now)
  requirePackageOf(crypto, client, decodedPackage, now)
  return { encryptionKey: decodedPackage.encryptionKey, client }
}

/**
 * Checks a decoded package against the client it must belong to, whose credential is verified and the same as the
 * one in the package.
 *
 * @throws CredentialError bad-signature, not-nested or not-valid-now
 */
export function requirePackageOf(
  crypto: CryptoProvider,
  client: Pick<VerifiedClientCredential, "publicKey" | "expiration">,
  connectionPackage: ConnectionPackage,
  now: number,
): void {
  requireNested(connectionPackage.expiration, client.expiration)
  requireValid(connectionPackage.expiration, now)
  const tbs = packageTbs(connectionPackage)
  const { signature } = connectionPackage
  if (!verifyLabeled(crypto, client.publicKey, labels.connectionPackage, tbs, signature)) {
    throw new CredentialError("bad-signature")
  }
}

/** Names a package by its encryption key; 16 bytes. */
export function connectionPackageRef(crypto: CryptoProvider, encryptionKey: Uint8Array): Uint8Array {
  return crypto.sha256(concat(packageRefLabel, encryptionKey)).slice(0, PACKAGE_REF_BYTES)
}

/** The package that a connection message is for. Throws CodecError unless the bytes may be one. */
export function readConnectionPackageRef(message: Uint8Array): Uint8Array {
  if (message.length !== CONNECTION_MESSAGE_BYTES || message[0] !== FORMAT_VERSION) {
    throw new CodecError("connection message")
  }
  return message.slice(1, 1 + PACKAGE_REF_BYTES)
}

function writeEstablishmentTbs(writer: Writer, clientCredential: Uint8Array, group: ConnectionGroup): void {
  writeVersion(writer)
  writer.opaque(clientCredential).raw(group.groupId).raw(group.earKey).raw(group.credentialKey)
}

function establishmentTbs(
  recipientKey: Uint8Array,
  clientCredential: Uint8Array,
  group: ConnectionGroup,
): Uint8Array {
  return encodeSized(PADDED_BYTES + KEY_BYTES, (writer) => {
    writeEstablishmentTbs(writer, clientCredential, group)
    writer.raw(recipientKey)
  })
}

/**
 * A connection request, signed by its sender and sealed to the encryption key of a verified connection package.
 *
 * @throws CryptoError the encryption key is unusable
 */
export function sealConnectionRequest(
  crypto: CryptoProvider,
  encryptionKey: Uint8Array,
  clientSeed: Uint8Array,
  clientCredential: Uint8Array,
  group: ConnectionGroup,
): Uint8Array {
  const { groupId, earKey, credentialKey } = group
  if (groupId.length !== ID_BYTES || earKey.length !== KEY_BYTES || credentialKey.length !== KEY_BYTES) {
    throw new CodecError("connection group")
  }
  if (clientCredential.length > CLIENT_CREDENTIAL_BYTES_MAX) throw new CodecError("client credential length")
  const tbs = establishmentTbs(encryptionKey, clientCredential, group)
  const signature = signLabeled(crypto, clientSeed, labels.connectionEstablishmentSignature, tbs)
  const plaintext = encodePadded(PADDED_BYTES, (writer) => {
    writeEstablishmentTbs(writer, clientCredential, group)
    writer.raw(signature)
  })
  const header = concat(Uint8Array.of(FORMAT_VERSION), connectionPackageRef(crypto, encryptionKey))
  try {
    return concat(header, seal(crypto, encryptionKey, labels.connectionEstablishment, header, plaintext))
  } finally {
    wipe(tbs, plaintext)
  }
}

/**
 * Opens a connection request with the secret key of one's connection package and verifies its sender up to a root of
 * the sender's domain.
 *
 * @throws CryptoError it does not open with this key
 * @throws CredentialError it opens, but is malformed or its sender does not verify
 */
export function openConnectionRequest(
  crypto: CryptoProvider,
  secretKey: Uint8Array,
  message: Uint8Array,
  trustOf: TrustSource,
  now: number,
): ConnectionRequest {
  const encryptionKey = crypto.x25519Public(secretKey)
  const { clientCredential, signature, ...group } = openEstablishment(crypto, secretKey, message)
  const sender = verifyChainOfAnyDomain(crypto, trustOf, clientCredential, now)
  const tbs = establishmentTbs(encryptionKey, clientCredential, group)
  const label = labels.connectionEstablishmentSignature
  try {
    if (!verifyLabeled(crypto, sender.publicKey, label, tbs, signature)) {
      throw new CredentialError("bad-signature")
    }
  } finally {
    wipe(tbs)
  }
  return { sender, ...group }
}

interface Establishment extends ConnectionGroup {
  readonly clientCredential: Uint8Array
  readonly signature: Uint8Array
}

function openEstablishment(
  crypto: CryptoProvider,
  secretKey: Uint8Array,
  message: Uint8Array,
): Establishment {
  if (message.length !== CONNECTION_MESSAGE_BYTES) throw new CryptoError("connection message")
  const header = message.subarray(0, 1 + PACKAGE_REF_BYTES)
  const sealed = message.subarray(1 + PACKAGE_REF_BYTES)
  const plaintext = open(crypto, secretKey, labels.connectionEstablishment, header, sealed)
  try {
    return decoded(() =>
      decodePadded(plaintext, PADDED_BYTES, (reader) => {
        readVersion(reader)
        return {
          clientCredential: reader.opaque().slice(),
          groupId: reader.raw(ID_BYTES).slice(),
          earKey: reader.raw(KEY_BYTES).slice(),
          credentialKey: reader.raw(KEY_BYTES).slice(),
          signature: reader.raw(SIGNATURE_BYTES).slice(),
        }
      }),
    )
  } finally {
    wipe(plaintext)
  }
}
