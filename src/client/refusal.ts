import { CryptoError } from "../crypto/provider.ts"
import { MlsError } from "../mls/error.ts"
import { CredentialError } from "../wire/credentials.ts"
import { CodecError } from "../wire/tls.ts"
import { MemberError } from "./mls/member.ts"

/** Whether an error says that something of somebody else does not verify, and not that something is broken here. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof MemberError ||
    error instanceof CredentialError ||
    error instanceof CryptoError ||
    error instanceof CodecError ||
    error instanceof MlsError
  )
}
