/**
 * What every proactor must do, whatever it is made of: one suite, run against each of them.
 */
import { describe } from "@effect/vitest"
import { cancellation } from "./contract/cancellation.js"
import { connections } from "./contract/connections.js"
import { datagrams } from "./contract/datagrams.js"
import { endings } from "./contract/endings.js"
import { failures } from "./contract/failures.js"
import { files } from "./contract/files.js"
import { gathering } from "./contract/gathering.js"
import { interfaces } from "./contract/interfaces.js"
import { lifetimes } from "./contract/lifetimes.js"
import { options } from "./contract/options.js"
import { pipes } from "./contract/pipes.js"
import { sendingFiles } from "./contract/sendingFiles.js"
import { signals } from "./contract/signals.js"
import { transfers } from "./contract/transfers.js"
import { unix } from "./contract/unix.js"
import type { Subject } from "./harness.js"

export const proactorContract = (subject: Subject): void => {
  describe.runIf(subject.isHere)(`the ${subject.name} proactor`, () => {
    describe("connections", () => connections(subject))
    describe("transfers", () => transfers(subject))
    describe("gathering", () => gathering(subject))
    describe("endings", () => endings(subject))
    describe("failures", () => failures(subject))
    describe("interfaces", () => interfaces(subject))
    describe("options", () => options(subject))
    describe("datagrams", () => datagrams(subject))
    describe("cancellation", () => cancellation(subject))
    describe("lifetimes", () => lifetimes(subject))
    describe("Unix sockets", () => unix(subject))
    describe("named pipes", () => pipes(subject))
    describe("files", () => files(subject))
    describe("sending files", () => sendingFiles(subject))
    describe("signals", () => signals(subject))
  })
}
