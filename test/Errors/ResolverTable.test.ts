import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { fromResolver, NetworkError, type NetworkErrorReason } from "../../src/Errors/index.js"
import { resolverRows } from "../../src/Errors/ResolverTable.js"

const call = { operation: "resolve", syscall: "getaddrinfo", address: "example.invalid:80" }

const failure = (code: string) => Object.assign(new Error(`getaddrinfo ${code}`), { code, errno: -3008 })

const reasons: { readonly [R in NetworkErrorReason]?: ReadonlyArray<string> } = {
  HostNotFound: ["ENOTFOUND", "ENODATA", "EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY"],
  ResolverFailed: ["EAI_AGAIN", "EAI_FAIL", "ESERVFAIL", "ETIMEOUT", "ECONNREFUSED", "ESOMETHINGNEW"],
  Unsupported: ["EAI_FAMILY"],
  InvalidArgument: ["EAI_SERVICE", "EAI_BADFLAGS", "ERR_INVALID_ARG_VALUE", "EINVAL"],
  ResourceExhausted: ["EAI_MEMORY", "EMFILE"],
  Cancelled: ["EAI_CANCELED", "ECANCELLED"],
  PermissionDenied: ["EACCES"]
}

describe("the resolver", () => {
  for (const [reason, codes] of Object.entries(reasons)) {
    it(`${reason}: ${codes.join(", ")}`, () => {
      for (const codeName of codes) {
        const cause = failure(codeName)
        const error = fromResolver(cause, call)
        const fields: object = { ...error }
        assert.deepInclude(fields, { _tag: "NetworkError", reason, codeName, code: -3008, ...call })
        assert.strictEqual(error.cause, cause)
      }
    })
  }

  it("has no code twice", () => {
    assert.strictEqual(new Set(resolverRows.map(([name]) => name)).size, resolverRows.length)
  })

  it("prints the name that was looked up", () => {
    assert.strictEqual(
      fromResolver(failure("ENOTFOUND"), call).message,
      "resolve example.invalid:80: host not found (ENOTFOUND -3008 from getaddrinfo). " +
        "Check how the name is spelled, and that it has an address of the family asked for."
    )
  })

  const causes = FastCheck.oneof(
    FastCheck.anything({ withNullPrototype: true, withBigInt: true }),
    FastCheck.record({ code: FastCheck.anything(), errno: FastCheck.anything() }),
    FastCheck.string().map(failure)
  )

  it.prop("is total", [causes], ([cause]) => {
    const error = fromResolver(cause, call)
    assert.isTrue(error instanceof NetworkError)
    assert.match(error.message, /^resolve example\.invalid:80: .+from getaddrinfo\)\. .+\.$/)
    assert.isString(JSON.stringify(error))
  })
})
