/**
 * @since 0.1.0
 */
export { errnoName, fromErrno } from "./ErrnoTable.js"
export * from "./Errors.js"
export * from "./FileError.js"
export { type FileCall, fileErrorFromErrno, fileErrorFromNtStatus, fileErrorFromWin32 } from "./FileTable.js"
export { fromFileStatus, fromNtStatus, ntStatusName, ntStatusToWsa } from "./NtStatusTable.js"
export { fromResolver } from "./ResolverTable.js"
export * from "./SystemCall.js"
export * from "./TlsError.js"
export { fromTls, type TlsCall, type TlsSide } from "./TlsTable.js"
export { fromWin32, fromWsa, win32Name, wsaName } from "./WsaTable.js"
