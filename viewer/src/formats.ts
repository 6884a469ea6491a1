/**
 * What the viewer takes from the main package: the formats that it reads. The build bundles this code into the viewer's files, so
 * the two packages need not be installed side by side. No other file of the viewer imports from the main package.
 */
export { afterKind, startIn } from '../../src/entry/answer-state.ts';
export type { OpenAnswer } from '../../src/entry/answer-state.ts';
export { isControlKind, kindOfEventName, tokenOf } from '../../src/entry/tokens.ts';
export type { EntryKind } from '../../src/entry/tokens.ts';
export { DEAD_DIRECTORY, deadFiles } from '../../src/export/durable/dead-letters.ts';
export { PendingResources } from '../../src/export/delivery/pending-resources.ts';
export { decodeFrame } from '../../src/export/spool/codec/frame-decoder.ts';
export { OriginDecoder } from '../../src/export/spool/codec/origin-codec.ts';
export { FileSegment } from '../../src/export/spool/file-segment.ts';
export { ownerIdOf, readDirectory } from '../../src/export/spool/owner-directory.ts';
export { OwnerWatch } from '../../src/export/spool/owner-watch.ts';
export type { OwnerState } from '../../src/export/spool/owner-watch.ts';
export { ownerOf, SEGMENT_SUFFIX } from '../../src/export/spool/segment-names.ts';
export { scanSegment } from '../../src/export/spool/segment-reader.ts';
export type { ReadableLogRecord } from '../../src/otel/log-record.ts';
export { ATTRIBUTE, OWN_PREFIX } from '../../src/otel/names.ts';
export { drained, isClientGone, turnOf, watchClient } from '../../src/serve/client.ts';
export { optionProblem, wrongArguments } from '../../src/support/cli-arguments.ts';
export { messageOf } from '../../src/support/errors.ts';
export { expandHome } from '../../src/support/home-path.ts';
export { ownText } from '../../src/support/own-text.ts';
export { isIndex, keepField } from '../../src/support/own-value.ts';
export { withoutColours, withoutTerminalControls, escapeControls } from '../../src/support/terminal-text.ts';
