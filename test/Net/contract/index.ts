/**
 * What every network service promises, whatever proactor it stands on.
 */
import { describe } from "@effect/vitest"
import type { ContractSubject } from "../harness.js"
import { choosing } from "./choosing.js"
import { datagramInterruption } from "./datagramInterruption.js"
import { datagramSockets } from "./datagramSockets.js"
import { datagrams } from "./datagrams.js"
import { errors } from "./errors.js"
import { files } from "./files.js"
import { finalizers } from "./finalizers.js"
import { interruption } from "./interruption.js"
import { leftovers } from "./leftovers.js"
import { lifetimes } from "./lifetimes.js"
import { limits } from "./limits.js"
import { lines } from "./lines.js"
import { listening } from "./listening.js"
import { pipes } from "./pipes.js"
import { sendFile } from "./sendFile.js"
import { serving } from "./serving.js"
import { socketOptions } from "./socketOptions.js"
import { streams } from "./streams.js"
import { timeouts } from "./timeouts.js"
import { unix } from "./unix.js"
import { vectored } from "./vectored.js"

export const contract = (subject: ContractSubject) => {
  describe("streams", () => streams(subject))
  describe("vectored", () => vectored(subject))
  describe("lines", () => lines(subject))
  describe("listening", () => listening(subject))
  describe("socket options", () => socketOptions(subject))
  describe("timeouts", () => timeouts(subject))
  describe("interruption", () => interruption(subject))
  describe("what interruption leaves", () => leftovers(subject))
  describe("finalizers", () => finalizers(subject))
  describe("errors", () => errors(subject))
  describe("lifetimes", () => lifetimes(subject))
  describe("serving", () => serving(subject))
  describe("limits", () => limits(subject))
  describe("choosing", () => choosing(subject))
  describe("over Unix sockets", () => unix(subject))
  describe("over named pipes", () => pipes(subject))
  describe("datagrams", () => datagrams(subject))
  describe("datagrams and interruption", () => datagramInterruption(subject))
  describe("datagram sockets", () => datagramSockets(subject))
  describe("files", () => files(subject))
  describe("sending files", () => sendFile(subject))
}
