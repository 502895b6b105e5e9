/** The library's public names. See docs/client-library.md. */

export { Api } from "./api";
export type { Account, FileInfo, Me, Preferences, RequestOptions, WorkspaceInfo } from "./api";
export type { WorkspaceState } from "./attachment";
export type { CellInfo, CellType } from "./cells";
export { PATIENCE } from "./connection";
export type { ConnectionState, Patience } from "./connection";
export { ApiError, MessageError, Refused, SagewsError, UnknownType } from "./errors";
export type { Unsubscribe } from "./events";
export type { Json, JsonObject } from "./fields";
export type { StorageLike } from "./keepsakes";
export { dumpFrame, frame, parseFrame, PROTOCOL } from "./messages";
export type { Envelope, Frame, FrameOf, MessageType, Person, Role, SessionState } from "./messages";
export { joinText } from "./runs";
export type { CellRun, Cut, Output, RunStatus } from "./runs";
export type { PendingInput, SessionPhase, SessionView } from "./sessions";
export { Site } from "./site";
export type { SiteEvents, SiteOptions } from "./site";
export { openStandardSocket, openWebSocket } from "./socket";
export type { OpenSocket, SocketLike } from "./socket";
export { realTiming } from "./timing";
export type { Timer, Timing } from "./timing";
export { Workspace } from "./workspace";
export type { OpenOptions, WorkspaceEvents, WorkspaceNotice } from "./workspace";
export { Worksheet } from "./worksheet";
export type { Completeness, Completion, Inspection, WorksheetEvents } from "./worksheet";
/** The same Yjs that the library uses: documents of two copies of it do not mix. */
export * as Y from "yjs";
