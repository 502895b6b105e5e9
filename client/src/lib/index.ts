/** The library's public names. See docs/client-library.md. */

export { Api } from "./api";
export type { Account, Me, Preferences, RequestOptions, WorkspaceInfo } from "./api";
export type { WorkspaceState } from "./attachment";
export { joinText } from "./cellrun";
export type { CellRun, Cut, Output, RunStatus } from "./cellrun";
export { randomName } from "./cells";
export type { CellInfo, CellType } from "./cells";
export type { Completeness, Completion, Inspection } from "./codehelp";
export type { CommFrame, CommWords } from "./comms";
export { PATIENCE } from "./connection";
export type { ConnectionState, Patience } from "./connection";
export { ApiError, MessageError, Refused, SagewsError, UnknownType } from "./errors";
export type { Unsubscribe } from "./events";
export type { Json, JsonObject } from "./fields";
export { Files } from "./files";
export type { FileInfo, FolderPage, FolderPageOptions, Imported } from "./files";
export { VersionHistory } from "./history";
export type { ComparedCell, ComparedLine, Comparison, FileChange, Version } from "./history";
export type { StorageLike } from "./keepsakes";
export { dumpFrame, frame, parseFrame, PROTOCOL } from "./messages";
export type { Envelope, Frame, FrameOf, MessageType, Person, Role, SessionState } from "./messages";
export { OwnAccount } from "./ownaccount";
export type { AccountState, Limits, SharedWorkspace, TokenInfo } from "./ownaccount";
export { Publications } from "./publications";
export type { PublicationInfo, VersionInfo } from "./publications";
export { Joining, Sharing } from "./sharing";
export type {
  InvitationInfo,
  InvitationShown,
  MadeInvitation,
  Member,
  NewInvitation,
  NewPerson,
  Shared,
  SignUpState,
} from "./sharing";
export type { PendingInput, SessionPhase, SessionView } from "./sessions";
export type { SharedFile, SharedFileEvents } from "./sharedfile";
export { Site } from "./site";
export type { SiteEvents, SiteOptions } from "./site";
export { openStandardSocket, openWebSocket } from "./socket";
export type { OpenSocket, SocketLike } from "./socket";
export { TextFile } from "./textfile";
export type { TextFileEvents } from "./textfile";
export { realTiming } from "./timing";
export type { Timer, Timing } from "./timing";
export { Uploads } from "./uploads";
export type { UploadOptions, UploadProgress } from "./uploads";
export { Workspace } from "./workspace";
export type { OpenOptions, WorkspaceEvents, WorkspaceNotice } from "./workspaceevents";
export { Worksheet } from "./worksheet";
export type { WorksheetEvents } from "./worksheet";
/** The same Yjs that the library uses: documents of two copies of it do not mix. */
export * as Y from "yjs";
