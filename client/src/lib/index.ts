/** The library's public names. See docs/client-library.md. */

export { Api } from "./api";
export type { Account, FileInfo, RequestOptions, WorkspaceInfo } from "./api";
export type { CellInfo, CellType } from "./cells";
export { ApiError, MessageError, Refused, SagewsError, UnknownType } from "./errors";
export type { Unsubscribe } from "./events";
export type { Json, JsonObject } from "./fields";
export { dumpFrame, frame, parseFrame, PROTOCOL } from "./messages";
export type { Envelope, Frame, FrameOf, MessageType, Person, Role } from "./messages";
export { joinText } from "./runs";
export type { CellRun, Cut, Output, RunStatus } from "./runs";
export type { PendingInput, SessionPhase, SessionView } from "./sessions";
export { Site } from "./site";
export type { ConnectionState, SiteEvents, SiteOptions, SocketLike, StorageLike } from "./site";
export { realTiming } from "./timing";
export type { Timer, Timing } from "./timing";
export { Workspace } from "./workspace";
export type { OpenOptions, WorkspaceEvents, WorkspaceNotice, WorkspaceState } from "./workspace";
export { Worksheet } from "./worksheet";
export type { Completeness, Completion, Inspection, WorksheetEvents } from "./worksheet";
export * as Y from "yjs";
