import { TOKEN_REQUEST_BYTES_MAX, TOKEN_RESPONSE_BYTES_MAX } from "../../limits.ts"
import { boundedBytes, closed, endpoint } from "../endpoint.ts"

/** How clients come by tokens (docs/protocol.md section 4.4). */
export const tokens = {
  requestTokens: endpoint({
    name: "as.request-tokens",
    path: "/as/request-tokens",
    sender: "client",
    token: false,
    summary:
      "Issues a batch of tokens against the client's allowance. The same request again costs nothing while it is the client's last one.",
    params: closed({ request: boundedBytes(TOKEN_REQUEST_BYTES_MAX, "AmortizedBatchTokenRequest") }),
    result: closed({ response: boundedBytes(TOKEN_RESPONSE_BYTES_MAX, "AmortizedBatchTokenResponse") }),
    bodyBytesMax: 2 * TOKEN_REQUEST_BYTES_MAX,
    problems: ["as.invalid-token-request", "as.allowance-exceeded"],
  }),
} as const
