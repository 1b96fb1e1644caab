/**
 * Datagrams to many: to groups and to a network's broadcast address, all on the loopback interface.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { format, unsafeMake } from "../../../src/Address/index.js"
import * as Udp from "../../../src/Net/Udp.js"
import { bytes, type Subject, test, text } from "../harness.js"

/** Addresses for private use (RFC 2365, RFC 7346). */
const groups = {
  IPv4: { one: "239.255.77.1", other: "239.255.77.2", any: "0.0.0.0", loopback: "127.0.0.1" },
  IPv6: { one: "ff11::7701", other: "ff11::7702", any: "::", loopback: "::1" }
} as const

type Family = keyof typeof groups

const isUnderWine = process.env["EFFECT_IOCP_LANE"] === "wine"

/** A receiver that may share its port, bound to all addresses. */
const receiver = (family: Family, port = 0) =>
  Udp.bind({ host: groups[family].any, port, reuseAddress: true, v6Only: family === "IPv6" })

/** A sender whose datagrams to groups leave by loopback. */
const sender = (family: Family) =>
  Effect.tap(Udp.bind({ host: groups[family].loopback, port: 0 }), (socket) =>
    socket.setOption("multicastInterface", groups[family].loopback)
  )

const heard = (socket: Udp.UdpSocket) =>
  Effect.map(socket.receiveWith({ timeout: "20 seconds" }), (datagram) => text(datagram.bytes))

/** Nothing comes for a while. */
const hearsNothing = (socket: Udp.UdpSocket) =>
  Effect.map(Effect.flip(socket.receiveWith({ timeout: "30 millis" })), (failure) =>
    assert.strictEqual(failure._tag, "TimeoutError")
  )

export const groupContract = (subject: Subject) => {
  const isOnWine = subject.name === "iocp" && isUnderWine

  for (const family of ["IPv4", "IPv6"] as const) {
    const { loopback, one, other } = groups[family]
    const on = { interface: loopback }

    test(subject, `${family}: a group is joined once, and left once`, () =>
      Effect.gen(function* () {
        const member = yield* receiver(family)
        yield* member.joinGroup({ group: one, ...on })
        yield* member.joinGroup({ group: other, ...on })
        const twice = yield* Effect.flip(member.joinGroup({ group: one, ...on }))
        // Windows calls it an invalid argument.
        assert.include(["AddressInUse", "InvalidArgument"], twice.reason)
        assert.strictEqual(twice.operation, "joinGroup")
        yield* member.leaveGroup({ group: one, ...on })
        const again = yield* Effect.flip(member.leaveGroup({ group: one, ...on }))
        assert.include(["AddressNotAvailable", "InvalidArgument"], again.reason)
        assert.strictEqual(again.operation, "leaveGroup")
        yield* member.joinGroup({ group: one, ...on })
      })
    )

    // The loopback interface below Wine has a route to groups of IPv6 where the lane has a network of its own.
    if (isOnWine && family === "IPv6" && process.env["OWN_NETWORK"] === undefined) continue

    test(subject, `${family}: members hear what is sent to their group, and say so who sent it`, () =>
      Effect.gen(function* () {
        const first = yield* receiver(family)
        const second = yield* receiver(family, first.address.port)
        const stranger = yield* receiver(family, first.address.port)
        const from = yield* sender(family)
        for (const socket of [first, second]) yield* socket.joinGroup({ group: one, ...on })
        yield* from.send(bytes("to all"), unsafeMake(one, first.address.port))
        for (const socket of [first, second]) {
          const { address, bytes: got } = yield* socket.receiveWith({ timeout: "20 seconds" })
          assert.deepStrictEqual([text(got), format(address)], ["to all", format(from.address)])
        }
        // Below Wine is a system on which all hear what one has joined, unless they say otherwise.
        if (!isOnWine) yield* hearsNothing(stranger)
      })
    )

    test(subject, `${family}: who is no member, or no more, hears nothing`, () =>
      Effect.gen(function* () {
        const member = yield* receiver(family)
        const { port } = member.address
        const from = yield* sender(family)
        const send = (words: string, group: string) => from.send(bytes(words), unsafeMake(group, port))
        yield* send("too early", one)
        yield* hearsNothing(member)
        yield* member.joinGroup({ group: one, ...on })
        yield* send("to another group", other)
        yield* send("now", one)
        assert.strictEqual(yield* heard(member), "now")
        yield* member.leaveGroup({ group: one, ...on })
        yield* send("too late", one)
        yield* hearsNothing(member)
      })
    )

    test(subject, `${family}: a membership lasts as long as its scope`, () =>
      Effect.gen(function* () {
        const member = yield* receiver(family)
        const from = yield* sender(family)
        const to = unsafeMake(one, member.address.port)
        const scope = yield* Scope.make()
        yield* Scope.extend(member.membership({ group: one, ...on }), scope)
        yield* from.send(bytes("within"), to)
        assert.strictEqual(yield* heard(member), "within")
        yield* Scope.close(scope, Exit.void)
        yield* from.send(bytes("after"), to)
        yield* hearsNothing(member)
        // What was left by hand, or closed, is left already.
        yield* Effect.scoped(
          Effect.zipRight(
            member.membership({ group: other, ...on }),
            member.leaveGroup({ group: other, ...on })
          )
        )
        yield* member.membership({ group: other, ...on })
        yield* member.close
      })
    )

    test(subject, `${family}: what may pass no router is heard on this host`, () =>
      Effect.gen(function* () {
        const member = yield* receiver(family)
        const from = yield* sender(family)
        yield* member.joinGroup({ group: one, ...on })
        yield* from.setOption("multicastHopLimit", 0)
        yield* from.send(bytes("here only"), unsafeMake(one, member.address.port))
        assert.strictEqual(yield* heard(member), "here only")
      })
    )

    // Wine takes the interface for the source, and the source for the interface.
    if (isOnWine) continue

    test(subject, `${family}: one may be heard from one source alone`, () =>
      Effect.gen(function* () {
        const member = yield* receiver(family)
        const from = yield* sender(family)
        const to = unsafeMake(one, member.address.port)
        const elsewhere = family === "IPv4" ? "127.0.0.9" : "2001:db8::9"
        yield* member.joinGroup({ group: one, source: elsewhere, ...on })
        yield* from.send(bytes("not from there"), to)
        yield* hearsNothing(member)
        yield* member.joinGroup({ group: one, source: loopback, ...on })
        yield* from.send(bytes("from here"), to)
        assert.strictEqual(yield* heard(member), "from here")
        yield* member.leaveGroup({ group: one, source: loopback, ...on })
        yield* from.send(bytes("no more"), to)
        yield* hearsNothing(member)
      })
    )
  }

  test(subject, "to a broadcast address is sent by who says so before", () =>
    Effect.gen(function* () {
      const everybody = yield* receiver("IPv4")
      const from = yield* Udp.bind({ host: "127.0.0.1", port: 0 })
      // The simulated network has one for all; that of the loopback network never leaves a host.
      const host = subject.name.startsWith("simulated") ? "255.255.255.255" : "127.255.255.255"
      const to = unsafeMake(host, everybody.address.port)
      const failure = yield* Effect.flip(from.send(bytes("hey"), to))
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "PermissionDenied", operation: "send" })
      assert.match(failure.message, /broadcast/)
      yield* from.setOption("broadcast", true)
      yield* from.send(bytes("hey"), to)
      assert.strictEqual(yield* heard(everybody), "hey")
    })
  )
}
